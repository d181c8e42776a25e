// Everything that is drawn, from plain descriptions. No rules and no state of play here.

import { actionText, cellText, SIDES, targetText } from "./position.mjs";
import { element, percent, signed } from "./shared/elements.mjs";
import { drawList, reviewButtons } from "./shared/review.mjs";

const SIZE = 6;
const SHOWN = 6; // actions in the table of hints
const SEEN = 0.03; // smaller losses are within the error of the search
const COSTLY = 0.1; // losses from here on are marked in the list of actions

const stone = (side, isMarked = false) => element("span", { class: `stone ${SIDES[side]}` }, isMarked ? "✕" : "");

/**
 * Draw the board. targets: by cell, the action that a click takes. origins: cells whose click chooses a stone to
 * move. chosen: that stone, or null. last: cells of the last action. shares: by cell, of the visits of the search.
 * best: a cell or null.
 */
export function drawBoard(place, { stones, marked, moves, targets, origins, chosen, last, shares, best, focus, onCell }) {
  const cell = (number) => {
    const side = stones.findIndex((cells) => cells.includes(number));
    const isMarked = marked.includes(number);
    const [isTarget, isOrigin] = [targets.has(number), origins.has(number)];
    const share = shares.get(number);
    const words = [cellText(number), side < 0 ? "empty" : `${SIDES[side]} stone`, isMarked && "marked", number === chosen && "chosen", isTarget && targetText(targets.get(number)), isOrigin && "can move", share && `${percent(share)} of the search`, number === best && "best"];
    const classes = ["cell", side >= 0 && "held", isTarget && "target", isOrigin && "origin", number === chosen && "chosen", last.includes(number) && "last", number === best && "best"];
    return element(
      "button",
      { type: "button", class: classes.filter(Boolean).join(" "), "data-cell": number, tabindex: number === focus ? 0 : -1, "aria-disabled": !(isTarget || isOrigin) && "true", "aria-label": words.filter(Boolean).join(", "), onclick: () => onCell(number) },
      side < 0 ? null : stone(side, isMarked),
      share ? element("span", { class: "share" }, percent(share)) : null,
    );
  };
  const letters = ["", ..."abcdef"].map((letter) => element("small", {}, letter));
  const lines = Array.from({ length: SIZE }, (_, line) => [element("small", {}, String(line + 1)), ...Array.from({ length: SIZE }, (_, column) => cell(SIZE * line + column))]);
  place.replaceChildren(element("div", { class: "board", "data-moves": moves, role: "group", "aria-label": "Board" }, ...letters, ...lines.flat()));
}

/** Draw the stones of both sides, who moves, and how near a draw is. names: of the players, by side. */
export function drawScore(place, { stones, side, moves, quiet, result }, names, { MAX_MOVES, QUIET_LIMIT }) {
  const rows = stones.map((cells, each) =>
    element("p", { class: `side ${!result && each === side ? "to-move" : ""}` }, stone(each), element("b", {}, String(cells.length)), element("span", {}, `${SIDES[each]}: ${names[each]}`)),
  );
  const draw = `Move ${moves} of ${MAX_MOVES}; ${quiet} of ${QUIET_LIMIT} moves in a row without a removal. At either limit the game is drawn.`;
  place.replaceChildren(...rows, element("p", { class: "dim" }, draw));
}

/** Draw what a search has found: [{action, visits, prior, q}]. */
export function drawHints(place, found) {
  if (!found) return place.replaceChildren();
  const total = found.reduce((sum, { visits }) => sum + visits, 0);
  const sorted = found.toSorted((a, b) => b.visits - a.visits || b.prior - a.prior).slice(0, SHOWN);
  const rows = sorted.map(({ action, visits, prior, q }, i) =>
    element("tr", { class: i ? "" : "best" }, element("td", { class: "text" }, element("b", {}, actionText(action))), element("td", {}, percent(visits / total)), element("td", {}, visits ? signed(q, 2) : ""), element("td", {}, percent(prior))),
  );
  const heads = ["action", "visits", "value", "network"].map((head, i) => element("th", { class: i ? "" : "text" }, head));
  place.replaceChildren(
    element("h2", {}, "Hints"),
    element("table", {}, element("tr", {}, ...heads), ...rows),
    element("p", { class: "dim" }, `A tree search of ${total} simulations: its share of visits, the value from −1 (lost) to +1 (won), and the share that the network alone gives the action.`),
  );
}

/** Draw the result. lost: [{time, taken, best, loss}] of the own decisions. */
export function drawResult(place, { result, lost, onShow, onStep, onSave, onNext }) {
  const worst = lost.filter(({ loss }) => loss >= SEEN).sort((a, b) => b.loss - a.loss).slice(0, 4);
  const rows = worst.map(({ time, taken, best, loss }) =>
    element("p", {}, element("button", { type: "button", onclick: () => onShow(time) }, `Move ${time + 1}`), ` ${actionText(taken)} instead of ${actionText(best)}: ${signed(-loss, 2)}`),
  );
  place.replaceChildren(
    element("h2", {}, `${result[0].toUpperCase()}${result.slice(1)}`),
    element("p", { class: "dim" }, worst.length ? "Your decisions that lost most, by the search:" : "No decision of yours lost a measurable value, by the search."),
    ...rows,
    reviewButtons({ onStep, onSave, reader: "forge liuzhou film", next: "New game", onNext }),
  );
}

/** Draw the actions: [{side, action, loss}]. shown: number of actions before the position shown. onShow: null in play. */
export function drawLog(place, actions, shown, onShow) {
  const rows = actions.map(({ side, action, loss }, time) => {
    const text = onShow ? element("button", { type: "button", onclick: () => onShow(time) }, actionText(action)) : actionText(action);
    const lost = loss >= SEEN ? signed(-loss, 2) : "";
    return element("tr", { class: onShow && time === shown ? "here" : "" }, element("td", { class: "text" }, String(time + 1)), element("td", { class: "text" }, SIDES[side]), element("td", { class: "text" }, text), element("td", {}, loss >= COSTLY ? element("b", {}, `▾ ${lost}`) : lost));
  });
  drawList(place, "Moves", rows);
}
