// Joins the page to where it stands: session tokens, navigation, toasts, unsaved changes.
// In the platform's admin App Bridge hands out tokens; without it everything works until the page's own has run
// out. Where merchants sign in here, the browser's cookie says who they are, and each call brings the page's mark.
(() => {
  "use strict";

  // How long App Bridge may take to answer before the page helps itself.
  const PATIENCE_MS = 3000;
  // A session token lives one minute; the one in the address is used while the server surely takes it.
  const LAUNCH_TOKEN_MS = 50_000;

  const bridge = () => window.shopify;
  const words = () => document.body.dataset;
  const root = document.documentElement;

  // -- the session token -------------------------------------------------------------------------------

  const address = new URL(location.href);
  const launchToken = address.searchParams.get("id_token");
  const launchedAt = Date.now();
  if (launchToken) {
    address.searchParams.delete("id_token");
    history.replaceState(history.state, "", address);
  }
  let token = null;

  function inTime(promise) {
    return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null))]);
  }

  async function freshToken() {
    try {
      const found = await inTime(bridge().idToken());
      if (found) return found;
    } catch {
      // No App Bridge, or none that answers.
    }
    return Date.now() - launchedAt < LAUNCH_TOKEN_MS ? launchToken : null;
  }

  // Stands in each page anew: another shop's has another.
  const csrf = () => document.getElementById("session")?.dataset.csrf;

  document.addEventListener("htmx:confirm", async (event) => {
    event.preventDefault();
    const { elt, issueRequest } = event.detail;
    if (!(await mayLeave(elt))) return;
    if (!csrf()) token = await freshToken();
    if (csrf() || token) issueRequest(true);
    else say("expired");
  });

  document.addEventListener("htmx:configRequest", (event) => {
    if (csrf()) event.detail.headers["X-CSRF-Token"] = csrf();
    else event.detail.headers.Authorization = `Bearer ${token}`;
  });

  // The back button: htmx asks for the page by itself, and needs the token as well.
  document.addEventListener("htmx:historyCacheMiss", async (event) => {
    if (csrf()) return;
    event.preventDefault();
    token = await freshToken();
    if (!token) return say("expired");
    event.detail.xhr.setRequestHeader("Authorization", `Bearer ${token}`);
    event.detail.xhr.send();
  });

  // -- what the merchant is told -----------------------------------------------------------------------

  function toast(text) {
    if (bridge()?.toast?.show) return bridge().toast.show(text);
    const place = document.getElementById("toast");
    place.textContent = text;
    place.classList.add("shown");
    clearTimeout(toast.timer);
    toast.timer = setTimeout(() => place.classList.remove("shown"), 5000);
  }

  function say(name) {
    if (name !== "expired") return toast(words()[name]);
    const notice = document.getElementById("session");
    notice.querySelector("p").textContent = words().expired;
    notice.hidden = false;
  }

  let waiting = null;
  document.addEventListener("toast", (event) => {
    waiting = event.detail.value;
  });
  document.addEventListener("htmx:responseError", (event) => {
    say(event.detail.xhr.status === 401 ? "expired" : "failed");
  });
  document.addEventListener("htmx:sendError", () => say("offline"));

  const isQuiet = (event) => event.detail.elt?.matches?.("[data-quiet]");
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isQuiet(event)) return;
    root.classList.add("loading");
    bridge()?.loading?.(true);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isQuiet(event)) {
      root.classList.remove("loading");
      bridge()?.loading?.(false);
    }
    if (waiting !== null) toast(waiting);
    waiting = null;
  });

  // A new page begins where a document would: at its errors, else at its beginning.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target !== document.body) return;
    const place = document.getElementById("errors") ?? document.getElementById("main");
    place.focus({ preventScroll: place.id === "main" });
  });

  // -- navigation ----------------------------------------------------------------------------------------

  // The platform's own navigation asks; our links know how to go there.
  document.addEventListener("shopify:navigate", (event) => {
    const href = event.target.getAttribute?.("href");
    const link = [...document.querySelectorAll(".tabs a")].find((a) => a.getAttribute("href") === href);
    if (!link) return;
    event.preventDefault();
    link.click();
  });
  // Framed, the platform shows <s-app-nav> in a navigation of its own; ours would be a second one.
  if (bridge()?.environment?.embedded) root.classList.add("host-nav");

  // -- unsaved changes -----------------------------------------------------------------------------------

  if (bridge()?.saveBar) root.classList.add("host-save-bar");
  const dirty = () => document.querySelector("form[data-guard].dirty");

  document.addEventListener("input", (event) => {
    event.target.closest?.("form[data-guard]")?.classList.add("dirty");
  });
  document.addEventListener("reset", (event) => event.target.classList.remove("dirty"));

  async function mayLeave(elt) {
    const form = dirty();
    if (!form || form === elt || elt.matches("[data-quiet]")) return true;
    if (bridge()?.saveBar?.leaveConfirmation) {
      return bridge().saveBar.leaveConfirmation().then(() => true, () => false);
    }
    const dialog = document.getElementById("leave");
    dialog.returnValue = "stay";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    return dialog.returnValue === "leave";
  }
})();
