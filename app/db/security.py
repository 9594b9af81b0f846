"""The roles, policies and functions that keep shops apart; the first migration runs these statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

APP_ROLE = "regulars_app"
# Sees, of every shop, only that something is due; its functions return ids and nothing else.
SCHEDULER_ROLE = "regulars_scheduler"

_OWN_SHOP = "shop_id = nullif(current_setting('app.shop_id', true), '')::bigint"
# A merchant may own several shops, so what is theirs is fenced by person, in a transaction of their own.
_OWN_PERSON = "person_id = nullif(current_setting('app.person_id', true), '')::bigint"
# Row security holds inside the question too: it finds the memberships of the transaction's own shop.
_OWN_MEMBER = "person_id IN (SELECT memberships.person_id FROM memberships)"


def create_roles() -> Iterator[str]:
    """Make both roles unless they exist, and let the migrating user act as them."""
    for role in (APP_ROLE, SCHEDULER_ROLE):
        yield f"""
            DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN NOBYPASSRLS;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$"""
        yield f"GRANT {role} TO CURRENT_USER"
    yield f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}, {SCHEDULER_ROLE}"


def isolate(tables: Iterable[str]) -> Iterator[str]:
    """Force row security on each tenant table and let the application's role at one shop's rows."""
    for table in tables:
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY own_shop ON {table} TO {APP_ROLE} USING ({_OWN_SHOP}) WITH CHECK ({_OWN_SHOP})"
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}"


def isolate_people(tables: Iterable[str]) -> Iterator[str]:
    """Force row security on each table of persons and let the application's role at one person's rows."""
    for table in tables:
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield (
            f"CREATE POLICY own_person ON {table} TO {APP_ROLE}"
            f" USING ({_OWN_PERSON}) WITH CHECK ({_OWN_PERSON})"
        )
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}"


def let_people_and_shops_meet() -> Iterator[str]:
    """A person reads where they may go, and a shop reads who may come; neither reads on from there."""
    yield f"CREATE POLICY own_person ON memberships FOR SELECT TO {APP_ROLE} USING ({_OWN_PERSON})"
    yield f"CREATE POLICY own_members ON people FOR SELECT TO {APP_ROLE} USING ({_OWN_MEMBER})"


def let_schedule(table: str, columns: str) -> Iterator[str]:
    """Let the scheduler's role read the named columns of every shop's rows."""
    yield f"CREATE POLICY scheduling ON {table} FOR SELECT TO {SCHEDULER_ROLE} USING (true)"
    yield f"GRANT SELECT ({columns}) ON {table} TO {SCHEDULER_ROLE}"


def scheduler_function(name: str, arguments: str, returns: str, body: str) -> Iterator[str]:
    """A function that answers across shops with the scheduler's eyes."""
    yield (
        f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE sql STABLE SECURITY DEFINER "
        f"SET search_path = pg_catalog, public AS $body$ {body} $body$"
    )
    yield f"GRANT CREATE ON SCHEMA public TO {SCHEDULER_ROLE}"
    types = ", ".join(part.split()[-1] for part in arguments.split(",")) if arguments else ""
    yield f"ALTER FUNCTION {name}({types}) OWNER TO {SCHEDULER_ROLE}"
    yield f"REVOKE CREATE ON SCHEMA public FROM {SCHEDULER_ROLE}"
    yield f"REVOKE ALL ON FUNCTION {name}({types}) FROM PUBLIC"
    yield f"GRANT EXECUTE ON FUNCTION {name}({types}) TO {APP_ROLE}"
