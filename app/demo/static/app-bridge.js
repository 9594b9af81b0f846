/* A stand-in for Shopify's App Bridge in the demo store: the same names, events and meta tag, spoken to the demo
 * admin by postMessage with exact origins on both sides. It holds no secret: the admin fetches every id token. */
(() => {
  "use strict";
  const adminOrigin = new URL(document.currentScript.src).origin;
  const isEmbedded = window.parent !== window;
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
  const apiKey = meta("shopify-api-key");
  const launch = new URLSearchParams(location.search);

  // What the first page was told is kept for the pages after it, which come without it.
  const remembered = (name) => {
    const key = `app-bridge-${name}`;
    try {
      if (launch.has(name)) sessionStorage.setItem(key, launch.get(name));
      return sessionStorage.getItem(key) ?? "";
    } catch {
      return launch.get(name) ?? "";
    }
  };
  const config = {
    apiKey,
    shop: remembered("shop"),
    host: remembered("host"),
    locale: remembered("locale") || "en",
  };

  if (!apiKey) console.error("App Bridge: <meta name=\"shopify-api-key\"> is missing from this page's head.");

  // ---- talking to the admin --------------------------------------------------------------------------
  let lastId = 0;
  const waiting = new Map();
  const handlers = new Map();

  const tell = (action, detail = {}) => {
    if (isEmbedded) window.parent.postMessage({ appBridge: true, action, detail }, adminOrigin);
  };
  const ask = (action, detail = {}) =>
    new Promise((resolve, reject) => {
      if (!isEmbedded) {
        reject(new Error("App Bridge: this page is not embedded in the admin"));
        return;
      }
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      window.parent.postMessage({ appBridge: true, action, detail, id }, adminOrigin);
    });

  window.addEventListener("message", (event) => {
    if (event.origin !== adminOrigin || event.source !== window.parent || !event.data?.appBridge) return;
    const { id, answer, problem, action, detail } = event.data;
    if (id !== undefined && waiting.has(id)) {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (problem) reject(new Error(problem));
      else resolve(answer);
    } else if (action) {
      handlers.get(action)?.(detail);
    }
  });

  // ---- the public object -----------------------------------------------------------------------------
  const idToken = () => ask("id-token");

  const toast = {
    show: (message, options = {}) => {
      const id = `toast-${++lastId}`;
      tell("toast", { id, message: String(message), isError: Boolean(options.isError), duration: options.duration });
      return id;
    },
    hide: (id) => tell("toast-hide", { id }),
  };

  let openBar = null;
  const saveBar = {
    show: async (id) => { openBar = document.getElementById(id); tell("save-bar", { open: true }); },
    hide: async () => { openBar = null; tell("save-bar", { open: false }); },
    toggle: async (id) => (openBar ? saveBar.hide(id) : saveBar.show(id)),
    leaveConfirmation: async () => undefined,
  };

  window.shopify = {
    config,
    idToken,
    toast,
    saveBar,
    loading: (isLoading = true) => tell("loading", { isLoading: Boolean(isLoading) }),
    environment: { embedded: isEmbedded, mobile: false, pos: false },
    scopes: {
      query: () => ask("scopes-query"),
      request: (scopes) => ask("scopes-request", { scopes }),
      revoke: (scopes) => ask("scopes-revoke", { scopes }),
    },
    app: { extensions: () => ask("extensions") },
    user: () => ask("user"),
    ready: Promise.resolve(),
  };

  // ---- fetch: requests to the app's own origin carry an id token ---------------------------------------
  const plainFetch = window.fetch.bind(window);
  const withToken = async (input, init) => {
    const request = new Request(input, init);
    if (!request.headers.has("Authorization")) request.headers.set("Authorization", `Bearer ${await idToken()}`);
    request.headers.set("X-Requested-With", "XMLHttpRequest");
    return request;
  };
  window.fetch = async (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input, location.href);
    if (!isEmbedded || address.origin !== location.origin) return plainFetch(input, init);
    const first = await withToken(input instanceof Request ? input.clone() : input, init);
    const answer = await plainFetch(first);
    if (answer.status !== 401 || !answer.headers.has("X-Shopify-Retry-Invalid-Session-Request")) return answer;
    return plainFetch(await withToken(input, init));
  };

  // ---- the bounce page: come back with a fresh token ---------------------------------------------------
  const reload = launch.get("shopify-reload");
  if (reload && isEmbedded) {
    const target = new URL(reload, location.href);
    if (target.origin === location.origin) {
      idToken().then((token) => {
        target.searchParams.set("id_token", token);
        for (const name of ["shop", "host", "locale"]) {
          if (config[name] && !target.searchParams.has(name)) target.searchParams.set(name, config[name]);
        }
        target.searchParams.set("embedded", "1");
        location.replace(target.href);
      });
    }
  }

  // ---- opened outside the admin: go into it ------------------------------------------------------------
  if (!isEmbedded && launch.has("host") && apiKey) {
    location.replace(`${adminOrigin}/admin/apps/${encodeURIComponent(apiKey)}${location.pathname}`);
    return;
  }

  // ---- navigation: <s-app-nav> and <ui-nav-menu> become the admin's side bar ----------------------------
  let lastMenu = "";
  const readMenu = () => {
    for (const nav of document.querySelectorAll("s-app-nav, ui-nav-menu")) nav.style.display = "none";
    const links = document.querySelectorAll("s-app-nav a, s-app-nav s-link, ui-nav-menu a");
    const menu = [...links].map((link) => ({
      label: link.textContent.trim(),
      href: link.getAttribute("href") ?? "",
      isHome: link.getAttribute("rel") === "home",
    }));
    const told = JSON.stringify(menu);
    if (told === lastMenu || !document.querySelector("s-app-nav, ui-nav-menu")) return;
    lastMenu = told;
    tell("menu", { menu });
  };
  handlers.set("navigate", ({ href }) => {
    const target = new URL(href, location.href);
    const links = [...document.querySelectorAll("s-app-nav a, s-app-nav s-link, ui-nav-menu a")];
    const link = links.find((each) => each.getAttribute("href") === href) ?? document;
    const isMine = !link.dispatchEvent(new Event("shopify:navigate", { bubbles: true, cancelable: true }));
    if (!isMine && target.origin === location.origin) location.assign(target.href);
  });

  // ---- the save bar: a ui-save-bar element, or any form marked data-save-bar ----------------------------
  const markedForm = (event) => event.target.closest?.("form[data-save-bar]");
  let changedForm = null;
  const listenForChanges = () => {
    for (const kind of ["input", "change"]) {
      document.addEventListener(kind, (event) => {
        const form = markedForm(event);
        if (form) { changedForm = form; tell("save-bar", { open: true }); }
      });
    }
    for (const kind of ["submit", "reset"]) {
      document.addEventListener(kind, (event) => {
        if (markedForm(event)) { changedForm = null; tell("save-bar", { open: false }); }
      });
    }
  };
  const pressed = (which) => {
    if (openBar) {
      const buttons = [...openBar.querySelectorAll("button, s-button")];
      const isSave = (b) => b.getAttribute("variant") === "primary";
      buttons.find((b) => (which === "save" ? isSave(b) : !isSave(b)))?.click();
    } else if (changedForm) {
      if (which === "save") changedForm.requestSubmit();
      else changedForm.reset();
    }
  };
  handlers.set("save-bar-save", () => pressed("save"));
  handlers.set("save-bar-discard", () => pressed("discard"));

  // ---- what the admin is told about this page -----------------------------------------------------------
  const SECRET = ["hmac", "id_token", "session", "timestamp", "embedded", "host", "locale", "shop"];
  const tellPlace = () => {
    const query = new URLSearchParams(location.search);
    SECRET.forEach((name) => query.delete(name));
    const text = query.toString();
    tell("place", { path: location.pathname + (text ? `?${text}` : ""), title: document.title });
  };
  const begin = () => {
    readMenu();
    tellPlace();
    listenForChanges();
    new MutationObserver(readMenu).observe(document.documentElement, { childList: true, subtree: true });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.('a[href^="shopify://admin"]');
      if (link) { event.preventDefault(); tell("open-admin", { path: link.getAttribute("href").slice(15) }); }
    });
  };
  for (const name of ["pushState", "replaceState"]) {
    const plain = history[name].bind(history);
    history[name] = (...given) => { plain(...given); setTimeout(tellPlace); };
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
  window.addEventListener("popstate", tellPlace);
})();
