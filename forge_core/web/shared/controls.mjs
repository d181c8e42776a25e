// The controls that the pages of all games have: the line of status, hints on or off, keys, and files to save.

import { element } from "./elements.mjs";

export const $ = (id) => document.getElementById(id);
export const say = (text) => ($("status").textContent = text);

/** Report an error that ends the page's work. */
export function stop(error) {
  say(`The page has stopped: ${error.message}. Load it again.`);
  throw error;
}

// A button that is drawn anew between press and release gets no click, so drawing waits for the release.
let isPressed = false;
let waiting = null;
addEventListener("pointerdown", () => (isPressed = true));
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => setTimeout(() => {
    isPressed = false;
    if (waiting) drawKeepingFocus(waiting);
  }));
}

/**
 * Draw again with the keyboard's focus on the same button, the one with the same first data attribute; while a button
 * is pressed, do so after its release.
 */
export function drawKeepingFocus(draw) {
  waiting = isPressed ? draw : null;
  if (isPressed) return;
  const [focused] = Object.entries(document.activeElement?.dataset ?? {});
  draw();
  if (focused) document.querySelector(`[data-${focused[0]}="${focused[1]}"]`)?.focus();
}

/** Connect the button for hints; return a function that switches them. onChange: called with true for on. */
export function connectHints(onChange) {
  let isOn = true;
  $("hints").onclick = () => {
    isOn = !isOn;
    $("hints").setAttribute("aria-pressed", isOn);
    $("hints").firstChild.textContent = isOn ? "Hints on " : "Hints off ";
    onChange(isOn);
  };
  return $("hints").onclick;
}

/**
 * Start the game that the address names, now and whenever it changes. start: called with the part after #; it throws
 * an Error for one that is not valid. abandon: then ends the game that was played.
 */
export function followAddress(start, abandon) {
  const follow = () => {
    try {
      start(location.hash);
    } catch (error) {
      abandon();
      say(error.message);
    }
  };
  addEventListener("hashchange", follow);
  follow();
}

/** Call `press` with each key that is meant for the page, in lower case; if it returns true, the browser ignores the key. */
export function connectKeys(press) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    if (press(event.key.toLowerCase())) event.preventDefault();
  });
}

/** Offer a text as a file. */
export function saveFile(name, text, type) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Return what settings.json says of networks of the user's choice, if any: {player, network}. */
export const ownNetworks = async () => (await fetch("settings.json")).json();

/** Give the player `network` the name of the user's own network. choice: the <select> of players. */
export function namePlayer(choice, player) {
  if (!player) return;
  const option = [...choice.options].find(({ value }) => value === "network");
  [option.value, option.textContent] = ["network", `network: ${player.name}`];
}
