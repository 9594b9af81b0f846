// Makes the frame as tall as the mail in it, so that only the page scrolls.
(() => {
  "use strict";
  const frame = document.querySelector("iframe.sheet");
  if (!frame) return;
  const grow = () => {
    frame.style.height = "0";
    frame.style.height = `${frame.contentDocument.documentElement.scrollHeight}px`;
  };
  frame.addEventListener("load", grow);
  addEventListener("resize", grow);
  if (frame.contentDocument?.readyState === "complete") grow();
})();
