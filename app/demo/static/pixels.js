// The double of Shopify's web pixel manager: runs the app's pixel in a worker, once the visitor allows what it needs.
(() => {
  "use strict";
  const told = JSON.parse(document.getElementById("pixel").textContent);
  const waiting = [];
  let worker;

  const privacy = () => {
    const api = window.Shopify.customerPrivacy;
    return {
      analyticsProcessingAllowed: api.analyticsProcessingAllowed(),
      marketingAllowed: api.marketingAllowed(),
      preferencesProcessingAllowed: api.preferencesProcessingAllowed(),
      saleOfDataAllowed: api.saleOfDataAllowed(),
    };
  };
  const NAMES = {analytics: "analyticsProcessingAllowed", marketing: "marketingAllowed", preferences: "preferencesProcessingAllowed"};
  const mayRun = () => told.purposes.every((purpose) => privacy()[NAMES[purpose]]);

  // What happened before the visitor chose is told once they have allowed it.
  const publish = (event) => (worker ? worker.postMessage({event}) : waiting.push(event));
  const start = () => {
    if (worker || !mayRun()) return;
    worker = new Worker(told.worker, {type: "module"});
    worker.onmessage = ({data: {number, method, args}}) =>
      worker.postMessage({number, answer: sessionStorage[method](...args)});
    worker.postMessage({init: {settings: told.settings, customerPrivacy: privacy()}});
    waiting.splice(0).forEach(publish);
  };

  document.addEventListener("visitorConsentCollected", () => {
    if (worker) worker.postMessage({consent: privacy()});
    start();
  });
  if (told.happened) publish(told.happened);
  const ask = window.fetch;
  window.fetch = async (address, options) => {
    const answer = await ask(address, options);
    if (answer.ok && new URL(answer.url).pathname === "/cart/add.js") {
      const line = await answer.clone().json();
      publish({
        name: "product_added_to_cart",
        data: {cartLine: {quantity: line.quantity, merchandise: {id: String(line.id), product: {id: String(line.product_id), title: line.product_title}}}},
      });
    }
    return answer;
  };
  start();
})();
