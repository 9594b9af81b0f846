// Fetches the list again every two seconds, so that a mail is seen arriving.
(() => {
  "use strict";
  const list = document.querySelector("[data-live]");
  const renew = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (fresh.innerHTML === list.innerHTML) return;
    list.replaceChildren(...fresh.childNodes);
    document.querySelector("h1").textContent = page.querySelector("h1").textContent;
    document.title = page.title;
  };
  setInterval(renew, 2000);
})();
