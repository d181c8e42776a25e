// The page: a game of Liuzhou against a player of forge_core. The rules, the players and the search are its kernels.
// The link names the game: see link.mjs.

import { drawBoard, drawHints, drawLog, drawResult, drawScore } from "./drawing.mjs";
import { Kernels } from "./kernels.mjs";
import { linkOf, parseLink, playerName } from "./link.mjs";
import { actionText, cellsOfAction, factsOf, SIDES, taskOf } from "./position.mjs";
import { $, connectHints, connectKeys, drawKeepingFocus, followAddress, namePlayer, ownNetworks, saveFile, say, stop } from "./shared/controls.mjs";
import { randomSeed } from "./shared/link.mjs";
import { ask } from "./shared/thinking.mjs";

const HINT_SIMS = 256;
const PAUSE = 350; // milliseconds after an action
const ACTIONS_PER_LINE = 12; // of a saved game
const ARROWS = { arrowup: -6, arrowdown: 6, arrowleft: -1, arrowright: 1 };

const page = {
  kernels: null,
  link: null, // see parseLink
  run: 0, // a number that changes when another game is started, or an action is taken back
  rows: [], // positions, one more than actions
  actions: [],
  searches: [], // promises by action: what a search found before the visitor's own ones
  hint: null,
  isHinted: true,
  chosen: null, // the stone that is about to move
  focus: 14, // the cell that the tabulator key reaches
  review: null, // {step, lost, ...} once the game is over
  onAct: null, // called with an action, while it is asked for
};

const pause = () => new Promise((done) => setTimeout(done, page.link.pace * PAUSE));
const facts = (row) => factsOf(row, page.kernels.layout);
const own = () => SIDES.indexOf(page.link.side);
const bestOf = (found) => found.reduce((best, each) => (each.visits > best.visits ? each : best));

/** Return the cells that can be clicked, with the action of each; choosing a stone to move is not an action. */
function choices(legal) {
  const [targets, origins, shares] = [new Map(), new Set(), new Map()];
  const visits = new Map(page.isHinted && page.hint ? page.hint.map((each) => [each.action, each.visits]) : []);
  const total = Math.max(1, [...visits.values()].reduce((sum, n) => sum + n, 0));
  const addShare = (cell, action) => visits.get(action) && shares.set(cell, (shares.get(cell) ?? 0) + visits.get(action) / total);
  for (const action of legal) {
    const { from, to } = cellsOfAction(action);
    if (from === null || from === page.chosen) {
      targets.set(to, action);
      addShare(to, action);
    } else {
      origins.add(from);
      if (page.chosen === null) addShare(from, action);
    }
  }
  return { targets, origins, shares };
}

function draw() {
  const { rows, actions, review, onAct, kernels, link } = page;
  const step = review ? review.step : actions.length;
  const shown = facts(rows[step]);
  const { targets, origins, shares } = choices(onAct ? kernels.legal(rows[step]) : []);
  const best = onAct && page.isHinted && page.hint ? cellsOfAction(bestOf(page.hint).action) : null;
  const bestCell = best && (best.from === null || best.from === page.chosen ? best.to : page.chosen === null ? best.from : null);
  const last = step ? Object.values(cellsOfAction(actions[step - 1])).filter((cell) => cell !== null) : [];
  drawBoard($("table"), { ...shown, targets, origins, shares, last, best: bestCell, chosen: page.chosen, focus: page.focus, onCell: choose });
  const names = SIDES.map((_, side) => (side === own() ? "you" : link.opponent));
  drawScore($("score"), shown, names, kernels.layout);
  if (review) drawResult($("panel"), { ...review, onShow: show, onStep: (by) => show(review.step + by), onSave: save, onNext: startAnother });
  else drawHints($("panel"), onAct && page.isHinted ? page.hint : null);
  const loss = new Map(review?.lost.map((each) => [each.time, each.loss]));
  const log = actions.map((action, time) => ({ side: facts(rows[time]).side, action, loss: loss.get(time) ?? 0 }));
  drawLog($("log"), log, review?.step, review ? show : null);
  $("undo").disabled = Boolean(review) || !page.searches.length;
}

/** A cell was clicked: take its action, or choose its stone. */
function choose(cell) {
  page.focus = cell;
  if (!page.onAct) return;
  const { targets, origins } = choices(page.kernels.legal(page.rows.at(-1)));
  if (targets.has(cell)) return page.onAct(targets.get(cell));
  page.chosen = origins.has(cell) && cell !== page.chosen ? cell : null;
  drawKeepingFocus(draw);
}

/** Show the finished game as it was after some actions. */
function show(step) {
  if (!page.review || step < 0 || step >= page.rows.length) return;
  page.review.step = step;
  draw();
  const action = page.actions[step];
  say(action === undefined ? "The end of the game." : `Move ${step + 1} of ${page.actions.length}: ${SIDES[facts(page.rows[step]).side]} plays ${actionText(action)}.`);
}

/** Ask the visitor for an action; a search finds its value meanwhile. */
async function askYou(row, legal, isStale) {
  const time = page.actions.length;
  const report = (found) => {
    if (isStale() || page.actions.length !== time || !page.onAct) return;
    page.hint = found;
    if (page.isHinted) drawKeepingFocus(draw);
  };
  page.searches[time] = ask("search", { row, sims: HINT_SIMS }, report);
  page.searches[time].catch(stop);
  say(`Your turn: ${taskOf(facts(row), legal, page.kernels.layout)}.`);
  const action = await new Promise((resolve) => {
    page.onAct = resolve;
    drawKeepingFocus(draw);
  });
  Object.assign(page, { onAct: null, hint: null, chosen: null });
  return action;
}

/** Play from the last position on, unless another game is started meanwhile. */
async function playOn() {
  const run = ++page.run;
  const isStale = () => run !== page.run;
  Object.assign(page, { hint: null, chosen: null, review: null, onAct: null });
  const { kernels, link } = page;
  while (!facts(page.rows.at(-1)).result) {
    const [row, time] = [page.rows.at(-1), page.actions.length];
    const legal = kernels.legal(row);
    const { side } = facts(row);
    let action = legal[0];
    if (legal.length > 1) {
      if (side !== own()) {
        say(`${link.opponent} is thinking.`);
        draw();
      }
      action = side === own() ? await askYou(row, legal, isStale) : await ask("choose", { row, opponent: link.opponent, seed: link.seed, time });
    }
    if (isStale()) return;
    page.actions.push(action);
    page.rows.push(kernels.after(row, action));
    say(`${side === own() ? "You" : link.opponent}: ${actionText(action)}.`);
    drawKeepingFocus(draw);
    await pause();
    if (isStale()) return;
  }
  await reviewGame(isStale);
}

/** Show the result, and what each own decision lost by the search that was made before it. */
async function reviewGame(isStale) {
  const found = await Promise.all(page.searches);
  if (isStale()) return;
  const lost = found.flatMap((each, time) => {
    if (!each) return [];
    const [best, taken] = [bestOf(each), each.find(({ action }) => action === page.actions[time])];
    return taken.visits ? [{ time, taken: taken.action, best: best.action, loss: best.q - taken.q }] : [];
  });
  page.review = { step: page.actions.length, lost, result: facts(page.rows.at(-1)).result };
  draw();
  say(`The game is over: ${page.review.result}.`);
}

/** Take back the last own decision, and what followed it. */
function undo() {
  if (page.review) return;
  const asked = Object.keys(page.searches).map(Number);
  const time = asked.filter((each) => each < page.actions.length).at(-1) ?? asked.at(-1);
  if (time === undefined) return;
  page.actions.length = time;
  page.rows.length = time + 1;
  page.searches.length = time;
  playOn().catch(stop);
}

function startGame(link) {
  page.link = link;
  history.replaceState(null, "", linkOf(link));
  [$("side").value, $("opponent").value] = [link.side, link.opponent];
  Object.assign(page, { rows: [page.kernels.start()], actions: [], searches: [] });
  playOn().catch(stop);
}

const startAnother = () => page.kernels && startGame({ ...(page.link ?? parseLink("")), seed: randomSeed() });

/** Offer the game as a file that `forge liuzhou film` reads. */
function save() {
  const { link, actions } = page;
  const lines = SIDES.map((side) => `${side}: ${side === link.side ? "human" : playerName(link.opponent)}`);
  const words = actions.map(actionText);
  for (let i = 0; i < words.length; i += ACTIONS_PER_LINE) lines.push(words.slice(i, i + ACTIONS_PER_LINE).join(" "));
  saveFile(`liuzhou-seed-${link.seed}.txt`, `${lines.join("\n")}\n`, "text/plain");
}

/** Return the game so far as plain data: for tests. */
const record = () => ({ ...page.link, actions: page.actions, isOver: Boolean(page.review), result: page.review?.result });

const toggleHints = connectHints((isOn) => {
  page.isHinted = isOn;
  if (page.rows.length) draw();
});
$("new").onclick = startAnother;
$("undo").onclick = undo;
for (const name of ["side", "opponent"]) {
  $(name).onchange = () => page.link && startGame({ ...page.link, [name]: $(name).value });
}
connectKeys((key) => {
  const { cell } = document.activeElement?.dataset ?? {};
  if (key === "h") toggleHints();
  else if (key === "n") startAnother();
  else if (key === "u") undo();
  else if (key in ARROWS && cell !== undefined) return moveFocus(Number(cell), ARROWS[key]);
  else if (key === "arrowleft" && page.review) show(page.review.step - 1);
  else if (key === "arrowright" && page.review) show(page.review.step + 1);
});

function moveFocus(cell, by) {
  const to = cell + by;
  const isOnBoard = to >= 0 && to < 36 && (Math.abs(by) === 6 || Math.floor(to / 6) === Math.floor(cell / 6));
  if (isOnBoard) {
    page.focus = to;
    drawKeepingFocus(draw);
    document.querySelector(`[data-cell="${to}"]`).focus();
  }
  return true;
}

globalThis.liuzhou = { record, ask, readyMs: 0 };
try {
  page.kernels = await Kernels.load();
  namePlayer($("opponent"), (await ownNetworks()).player);
  globalThis.liuzhou.readyMs = performance.now(); // since the page was asked for
  followAddress((hash) => startGame(parseLink(hash)), () => (page.run += 1));
} catch (error) {
  stop(error);
}
