// The demo shop's theme. Every page works without it; it saves a page load, asks for consent, and says what happened.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // -- cart ------------------------------------------------------------------------------------------------
  const toast = one("[data-toast]");
  let hiding;
  const say = (text, link) => {
    toast.textContent = text;
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link.href;
      anchor.textContent = link.text;
      toast.append(anchor);
    }
    toast.classList.add("shown");
    clearTimeout(hiding);
    hiding = setTimeout(() => toast.classList.remove("shown"), 5000);
  };

  const showCount = async () => {
    const cart = await (await fetch("/cart.js", {headers: {accept: "application/json"}})).json();
    all("[data-cart-count]").forEach((badge) => {
      badge.textContent = cart.item_count;
      badge.closest(".count").hidden = cart.item_count === 0;
    });
    return cart;
  };

  const added = (title) => {
    showCount();
    say(`${title} is in your cart.`, {href: "/cart", text: "View cart"});
  };

  // An app's quick add tells the theme by an event; on the cart page the lines have to be drawn again.
  document.addEventListener("regulars:added", (event) => {
    if (location.pathname === "/cart") location.reload();
    else added(event.detail?.response?.product_title ?? "It");
  });

  all("form[data-add]").forEach((form) => {
    const button = one("[data-add-button]", form);
    const problem = one("[data-problem]", form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      problem.textContent = "";
      try {
        const answer = await fetch("/cart/add.js", {method: "POST", body: new FormData(form)});
        const told = await answer.json();
        if (answer.ok) added(told.product_title);
        else problem.textContent = told.description;
      } catch {
        form.submit();
      } finally {
        button.removeAttribute("aria-disabled");
      }
    });
    form.addEventListener("change", (event) => {
      const chosen = event.target;
      if (chosen.name !== "id") return;
      one("[data-price-now]").textContent = chosen.dataset.now;
      one("[data-price-now]").classList.toggle("sale", chosen.dataset.was !== "");
      one("[data-price-was]").textContent = chosen.dataset.was;
      one("[data-price-was]").hidden = chosen.dataset.was === "";
      const available = chosen.dataset.available === "yes";
      button.textContent = available ? "Add to cart" : "Sold out";
      button.toggleAttribute("aria-disabled", false);
      if (!available) button.setAttribute("aria-disabled", "true");
      one("[data-stock]", form).textContent = "";
      problem.textContent = "";
      history.replaceState(null, "", `?variant=${chosen.value}`);
    });
  });

  all("[data-stepper]").forEach((stepper) => {
    const field = one("input", stepper);
    stepper.addEventListener("click", (event) => {
      const step = Number(event.target.dataset.step ?? 0);
      field.value = Math.max(1, Math.min(99, Number(field.value) + step));
    });
  });

  all("[data-submit-on-change]").forEach((form) => form.addEventListener("change", () => form.requestSubmit()));

  // -- checkout --------------------------------------------------------------------------------------------
  all("[data-note-to]").forEach((form) => form.addEventListener("change", (event) => {
    const {email, accepts_marketing: wants} = form.elements;
    if (event.target !== email && event.target !== wants) return;
    const body = new URLSearchParams({email: email.value, accepts_marketing: wants.checked ? "1" : "0"});
    fetch(form.dataset.noteTo, {method: "POST", body, keepalive: true});
  }));
  const summary = one("[data-open-wide]");
  if (summary && !matchMedia("(min-width: 900px)").matches) summary.open = false;

  // -- consent: the documented part of Shopify's Customer Privacy API ----------------------------------------
  const COOKIE = "_tracking_consent";
  const banner = one("[data-consent]");
  const read = () => {
    const found = document.cookie.split("; ").find((part) => part.startsWith(`${COOKIE}=`));
    return found ? decodeURIComponent(found.slice(COOKIE.length + 1)) : "";
  };
  const allows = (purpose) => read().split("+").includes(purpose);
  const privacy = {
    analyticsProcessingAllowed: () => allows("analytics"),
    marketingAllowed: () => allows("marketing"),
    preferencesProcessingAllowed: () => allows("preferences"),
    saleOfDataAllowed: () => allows("sale_of_data"),
    userCanBeTracked: () => allows("analytics") && allows("marketing"),
    shouldShowBanner: () => read() === "",
    getRegion: () => "CY",
    currentVisitorConsent: () => {
      const say = (purpose) => (read() === "" ? "" : allows(purpose) ? "yes" : "no");
      return {analytics: say("analytics"), marketing: say("marketing"), preferences: say("preferences"), sale_of_data: say("sale_of_data")};
    },
    setTrackingConsent: (consent, done = () => {}) => {
      const given = ["analytics", "marketing", "preferences", "sale_of_data"].filter((purpose) => consent[purpose]);
      document.cookie = `${COOKIE}=${encodeURIComponent(given.join("+") || "none")}; path=/; max-age=31536000; SameSite=Lax`;
      const detail = {
        analyticsAllowed: privacy.analyticsProcessingAllowed(),
        marketingAllowed: privacy.marketingAllowed(),
        preferencesAllowed: privacy.preferencesProcessingAllowed(),
        saleOfDataAllowed: privacy.saleOfDataAllowed(),
        firstPartyMarketingAllowed: privacy.marketingAllowed(),
        thirdPartyMarketingAllowed: privacy.saleOfDataAllowed(),
      };
      document.dispatchEvent(new CustomEvent("visitorConsentCollected", {detail}));
      done();
    },
  };
  window.Shopify.customerPrivacy = privacy;
  window.Shopify.loadFeatures = (features, done = () => {}) => {
    const unknown = features.find((feature) => feature.name !== "consent-tracking-api");
    queueMicrotask(() => done(unknown ? new Error(`there is no feature ${unknown.name}`) : undefined));
  };
  const ask = () => { banner.hidden = false; };
  if (privacy.shouldShowBanner() && !document.body.classList.contains("checkout")) ask();
  all("[data-consent-open]").forEach((button) => button.addEventListener("click", () => {
    ask();
    one("button", banner).focus();
  }));
  all("[data-consent-choice]").forEach((button) => button.addEventListener("click", () => {
    const yes = button.dataset.consentChoice === "accept";
    privacy.setTrackingConsent({analytics: yes, marketing: yes, preferences: yes, sale_of_data: yes});
    banner.hidden = true;
  }));
})();
