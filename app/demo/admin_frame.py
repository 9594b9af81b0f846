"""The admin around the app: its frame, install and uninstall, and what the frame's App Bridge asks. Decides little."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

from app.demo import tokens
from app.demo.oauth import grant_page
from app.demo.shop import DemoShop
from app.demo.theme import TEMPLATES

# Query parameters the admin signs anew; the rest of its own address is handed to the app.
_SIGNED = frozenset({"hmac", "id_token", "session", "timestamp", "embedded", "host", "locale", "shop"})


def refuse_foreign_forms() -> None:
    """A page of another origin (the app's own frame too) must not press the admin's buttons."""
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and origin != request.host_url.rstrip("/"):
        abort(403)


def admin_frame_blueprint(shop: DemoShop) -> Blueprint:
    blueprint = Blueprint("demo_admin_frame", __name__)
    blueprint.before_request(refuse_foreign_forms)
    _add_apps(blueprint, shop)
    _add_frame(blueprint, shop)
    _add_questions(blueprint, shop)
    _add_theme_editor(blueprint, shop)
    return blueprint


def _is_app(shop: DemoShop, name: str) -> bool:
    return name in {shop.config.handle, shop.config.client_id}


def _add_apps(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/admin/apps")
    def show_apps() -> str:
        return render_template("admin/apps.html", shop=shop, installation=shop.office.installation)

    @blueprint.get("/admin/oauth/install")
    def show_install() -> str:
        """Managed installation: the admin asks, grants, and only then opens the app.

        An app that is installed already names the optional scopes it wants now; any other is not asked for.
        """
        more = _declared_optional(shop, request.args.get("optional_scopes", ""))
        held = shop.office.installation.scopes if shop.office.installation else ()
        scopes = tuple(dict.fromkeys((*shop.config.scopes, *held, *more)))
        return grant_page(shop, "/admin/apps/install", {"optional_scopes": ",".join(more)}, scopes)

    @blueprint.post("/admin/apps/install")
    def install() -> AnyResponse:
        more = _declared_optional(shop, request.form.get("optional_scopes", ""))
        if shop.office.installation is None:
            shop.install(with_optional=request.form.get("with_optional") == "yes")
        if more and shop.office.installation is not None:
            shop.change_scopes([*shop.office.installation.scopes, *more])
        return redirect(f"/admin/apps/{shop.config.handle}")

    @blueprint.get("/admin/apps/launch")
    def launch() -> AnyResponse:
        """Opens the app outside the frame, signed: where the authorisation code grant begins."""
        return redirect(f"{shop.config.app_url}?{urlencode(shop.launch_query(embedded=False))}")

    @blueprint.post("/admin/apps/uninstall")
    def uninstall() -> AnyResponse:
        shop.uninstall()
        return redirect("/admin/apps")

    @blueprint.post("/admin/apps/shop-redact")
    def redact() -> AnyResponse:
        shop.send_shop_redact()
        return redirect("/admin/deliveries")


def _declared_optional(shop: DemoShop, asked: str) -> tuple[str, ...]:
    return tuple(scope for scope in asked.split(",") if scope in shop.config.optional_scopes)


def _add_frame(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/admin/apps/<name>")
    @blueprint.get("/admin/apps/<name>/<path:place>")
    def show_app(name: str, place: str = "") -> AnyResponse | str:
        if not _is_app(shop, name):
            abort(404)
        if shop.office.installation is None:
            return redirect("/admin/oauth/install")
        if name != shop.config.handle:  # a link by client id ends where the menu's does
            return redirect(request.full_path.replace(f"/apps/{name}", f"/apps/{shop.config.handle}", 1))
        config = shop.config
        given = {k: v for k, v in request.args.items() if k not in _SIGNED}
        address = config.app_url.rstrip("/") + f"/{place}" if place else config.app_url
        return render_template(
            "admin/frame.html",
            shop=shop,
            src=f"{address}?{urlencode({**given, **shop.launch_query()})}",
            origin=config.app_origin,
            base=urlsplit(config.app_url).path.rstrip("/"),
        )


def _add_questions(blueprint: Blueprint, shop: DemoShop) -> None:
    @blueprint.get("/shopifycloud/app-bridge.js")
    def app_bridge() -> Response:
        return send_from_directory(_static(), "app-bridge.js", mimetype="text/javascript")

    @blueprint.get("/shopifycloud/admin/<path:name>")
    def static_file(name: str) -> Response:
        return send_from_directory(f"{_static()}/admin", name)

    @blueprint.post("/admin/internal/id-token")
    def id_token() -> Response:
        _require_same_site()
        if shop.office.installation is None:
            abort(404)
        return jsonify(id_token=shop.new_id_token())

    @blueprint.post("/admin/internal/scopes")
    def scopes() -> Response:
        _require_same_site()
        installation = shop.office.installation
        if installation is None:
            abort(404)
        told = request.get_json()
        wanted = [s for s in told.get("grant", ()) if s in shop.config.optional_scopes]
        revoked = [s for s in told.get("revoke", ()) if s in shop.config.optional_scopes]
        after = [s for s in (*installation.scopes, *wanted) if s not in revoked]
        if set(after) != set(installation.scopes):
            shop.change_scopes(after)
        config = shop.config
        optional = list(config.optional_scopes)
        return jsonify(granted=list(installation.scopes), required=list(config.scopes), optional=optional)

    @blueprint.post("/admin/internal/extensions")
    def extensions() -> Response:
        """What App Bridge's `app.extensions()` tells: where the theme shows the app's parts."""
        _require_same_site()
        theme = shop.store.theme
        activations = [
            {"target": f"template--{template}.section", "handle": handle, "status": "active"}
            for template in TEMPLATES
            for handle in theme.blocks.get(template, ())
        ] + [{"target": "body", "handle": handle, "status": "active"} for handle in sorted(theme.embeds)]
        found = [{"handle": "theme-extension", "type": "theme_app_extension", "activations": activations}]
        return jsonify(found)


def _add_theme_editor(blueprint: Blueprint, shop: DemoShop) -> None:
    """The two deep links an app may give its merchant, and a page to press Save on."""

    @blueprint.get("/admin/themes/current/editor")
    def show_editor() -> str:
        query = request.args
        add, activate = query.get("addAppBlockId", ""), query.get("activateAppId", "")
        return render_template(
            "admin/theme_editor.html",
            shop=shop,
            template=query.get("template", "product"),
            add=add.partition("/")[2],
            activate=activate.partition("/")[2],
            templates=TEMPLATES,
        )

    @blueprint.post("/admin/themes/current/editor")
    def save_theme() -> AnyResponse:
        theme, form = shop.store.theme, request.form
        with shop.store.lock:
            theme.embeds = {h for h in form.getlist("embed") if h}
            theme.blocks = {t: [h for h in form.getlist(f"block-{t}") if h] for t in TEMPLATES}
        return redirect(f"/admin/themes/current/editor?template={form.get('template', 'product')}")


def _require_same_site() -> None:
    """The id token is for the admin page that frames the app, and for no other page."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(403)


def _static() -> str:
    return str(tokens.__file__).rpartition("/")[0] + "/static"
