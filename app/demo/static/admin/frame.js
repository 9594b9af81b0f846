/* The admin's half of the stand-in App Bridge: answers one frame, from one origin, and nobody else. */
(() => {
  "use strict";
  const frame = document.getElementById("app-frame");
  const { origin, base, handle } = frame.dataset;
  const menu = document.getElementById("app-menu");
  const bar = document.getElementById("save-bar");
  const toasts = document.getElementById("toasts");
  const progress = document.getElementById("progress");

  const post = async (path, body) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body ?? {}),
    });
    if (!answer.ok) throw new Error(`the admin answered ${answer.status}`);
    return answer.json();
  };
  const toApp = (message) => frame.contentWindow.postMessage({ appBridge: true, ...message }, origin);

  const questions = {
    "id-token": async () => (await post("/admin/internal/id-token")).id_token,
    "scopes-query": async () => post("/admin/internal/scopes", {}),
    "scopes-request": async ({ scopes }) => {
      const list = scopes.join(", ");
      if (!window.confirm(`Regulars asks for more access: ${list}. Allow it?`)) return { result: "declined-all" };
      return { result: "granted-all", detail: await post("/admin/internal/scopes", { grant: scopes }) };
    },
    "scopes-revoke": async ({ scopes }) => ({ detail: await post("/admin/internal/scopes", { revoke: scopes }) }),
    extensions: async () => post("/admin/internal/extensions", {}),
    user: async () => ({ accountAccess: "Ada Moran" }),
  };

  const showToast = ({ id, message, isError, duration }) => {
    const note = document.createElement("div");
    note.className = isError ? "toast toast-error" : "toast";
    note.id = id;
    note.setAttribute("role", isError ? "alert" : "status");
    note.textContent = message;
    toasts.append(note);
    setTimeout(() => note.remove(), duration ?? 5000);
  };
  const showMenu = ({ menu: links }) => {
    menu.replaceChildren(
      ...links.filter((link) => !link.isHome).map((link) => {
        const item = document.createElement("a");
        item.textContent = link.label;
        item.href = `/admin/apps/${handle}${new URL(link.href, origin).pathname}`;
        item.addEventListener("click", (event) => {
          event.preventDefault();
          toApp({ action: "navigate", detail: { href: link.href } });
        });
        return item;
      }),
    );
    markPlace();
  };
  let place = "";
  const markPlace = () => {
    for (const link of menu.querySelectorAll("a")) {
      const isHere = new URL(link.href).pathname === `/admin/apps/${handle}${place.split("?")[0]}`;
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  const news = {
    toast: showToast,
    "toast-hide": ({ id }) => document.getElementById(id)?.remove(),
    menu: showMenu,
    "save-bar": ({ open }) => { bar.hidden = !open; },
    loading: ({ isLoading }) => { progress.hidden = !isLoading; },
    place: ({ path, title }) => {
      place = path.startsWith(base) ? path.slice(base.length) || "/" : path;
      if (place.startsWith("/")) history.replaceState(null, "", `/admin/apps/${handle}${place === "/" ? "" : place}`);
      if (title) document.title = `${title} · ${document.body.dataset.shop}`;
      bar.hidden = true;
      progress.hidden = true;
      markPlace();
    },
    "open-admin": ({ path }) => { if (path.startsWith("/")) location.assign(`/admin${path}`); },
  };

  window.addEventListener("message", async (event) => {
    if (event.origin !== origin || event.source !== frame.contentWindow || !event.data?.appBridge) return;
    const { id, action, detail } = event.data;
    if (id !== undefined && action in questions) {
      try {
        toApp({ id, answer: await questions[action](detail ?? {}) });
      } catch (problem) {
        toApp({ id, problem: problem.message });
      }
    } else {
      news[action]?.(detail ?? {});
    }
  });
  bar.querySelector("[data-save]").addEventListener("click", () => toApp({ action: "save-bar-save" }));
  bar.querySelector("[data-discard]").addEventListener("click", () => {
    bar.hidden = true;
    toApp({ action: "save-bar-discard" });
  });
  // Set here and not in the page, so that no message is sent before somebody listens.
  frame.src = frame.dataset.src;
})();
