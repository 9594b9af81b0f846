// Fetches a session token from the platform's admin and loads the page again with it.
(async () => {
  const state = document.getElementById("state");
  try {
    if (!window.shopify) throw new Error("App Bridge is not there");
    const address = new URL(location.href);
    address.searchParams.set("id_token", await window.shopify.idToken());
    location.replace(address);
  } catch {
    state.textContent = "Please open Regulars from the apps in your Shopify admin.";
  }
})();
