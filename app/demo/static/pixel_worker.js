// The strict sandbox: no page, no cookies; storage is asked for by message, as in Shopify's own.
import {watch} from "/wpm/extension/pixel.js";

const subscribers = {};
const choices = [];
const asked = [];

const storage = (method) => (...args) =>
  new Promise((answered) => postMessage({number: asked.push(answered) - 1, method, args}));

const begin = ({settings, customerPrivacy}) =>
  watch({
    settings,
    init: {customerPrivacy, context: {}, data: {}},
    analytics: {subscribe: (name, callback) => (subscribers[name] ??= []).push(callback)},
    customerPrivacy: {subscribe: (_, callback) => choices.push(callback)},
    browser: {sessionStorage: {getItem: storage("getItem"), setItem: storage("setItem"), removeItem: storage("removeItem")}},
  });

onmessage = ({data}) => {
  if (data.init) begin(data.init);
  else if (data.consent) choices.forEach((callback) => callback({customerPrivacy: data.consent}));
  else if (data.event) (subscribers[data.event.name] ?? []).forEach((callback) => callback(data.event));
  else asked[data.number](data.answer);
};
