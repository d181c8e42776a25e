// What a page shows once a game, or a part of it, is over: it can be looked at again, saved, and continued.

import { element } from "./elements.mjs";

/**
 * Return the buttons below a result. onStep: called with -1 or 1, to look at what was shown before or after. reader:
 * the command that reads the saved file. next: the words of the button that goes on.
 */
export function reviewButtons({ onStep, onSave, reader, next, onNext }) {
  const button = (id, text, onclick, more = {}) => element("button", { type: "button", id, onclick, ...more }, text);
  return element(
    "div",
    { class: "steps" },
    button("back", "◂ Step back", () => onStep(-1), { "data-step": -1 }),
    button("forward", "Step on ▸", () => onStep(1), { "data-step": 1 }),
    button("save", "Save", onSave, { title: `A file that \`${reader}\` reads` }),
    button("next", next, onNext),
  );
}

/** Draw rows of a table under a heading, in view the one of the class `here`; without one, the last, or the first. */
export function drawList(place, heading, rows, { isAtTop = false } = {}) {
  const scroll = element("div", { class: "scroll" }, element("table", {}, ...rows));
  place.replaceChildren(element("h2", {}, heading), scroll);
  const here = scroll.querySelector(".here");
  if (here) scroll.scrollTop = here.offsetTop - scroll.clientHeight / 2;
  else scroll.scrollTop = isAtTop ? 0 : scroll.scrollHeight;
}
