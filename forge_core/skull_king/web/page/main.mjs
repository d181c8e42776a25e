// The page: a game of ten rounds of Skull King at a table of four. The rules, the players and the values of actions
// are kernels of forge_core. Link: #seed=7 names the deals; &others=network the players; &pace=0 plays at once.

import { BID_0, actionText } from "./cards.mjs";
import { drawBids, drawHint, drawLog, drawResult, drawSheet, drawTable, SEATS, signed } from "./drawing.mjs";
import { Kernels } from "./kernels.mjs";

const PLAYERS = ["easy", "medium", "hard", "captain", "network"];
const WORLDS = 400;
const N_ROUNDS = 10;
const [BID, PLAY] = [0, 2]; // phases of forge_core.skull_king.actions
const PAUSE = { act: 450, trick: 1100 }; // milliseconds

const page = { kernels: null, seed: "0", others: "network", pace: 1, run: 0, time: 0, isHinted: true, hints: null, onAct: null, plays: [], taken: [], rounds: [], lost: [], actions: [], result: null, shown: null };

const $ = (id) => document.getElementById(id);
const say = (text) => ($("status").textContent = text);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, page.pace * milliseconds));
const bySeat = (name) => SEATS.map((_, seat) => page.kernels.column(name, seat));

const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
const waiting = new Map();
worker.onmessage = ({ data: { id, done, error } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(done);
};

/** Return a promise of what the actions of the seat to act are worth. */
function askValues() {
  return new Promise((resolve, reject) => {
    const id = `${page.run} ${page.time}`;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, row: page.kernels.columns.slice(), seed: page.seed, time: page.time, worlds: WORLDS });
  });
}

const bestOf = (hints) => Number(Object.entries(hints).reduce((best, each) => (each[1].points > best[1].points ? each : best))[0]);

function draw() {
  const { kernels, onAct, result } = page;
  const [phase, actor, dealt] = ["PHASE", "ACTOR", "DEALT"].map((name) => kernels.column(name));
  const [bids, won] = [bySeat("BIDS"), bySeat("WON")];
  const isBidding = phase === BID;
  const legal = onAct ? kernels.legal() : [];
  const hints = page.isHinted ? page.hints : null;
  const best = hints ? bestOf(hints) : null;
  // The bids of the others stay hidden until all have bid.
  const seats = SEATS.map((_, seat) => ({
    held: kernels.cards(seat).length,
    bid: isBidding && (seat || bids[seat] < 0) ? null : bids[seat],
    won: won[seat],
    isToMove: !result && actor === seat,
  }));
  drawTable($("table"), { seats, table: page.shown ?? tableNow(), own: kernels.cards(0), legal: isBidding ? [] : legal, hints: isBidding ? null : hints, best, onAct });
  if (result) drawResult($("panel"), result);
  else if (onAct && isBidding) drawBids($("panel"), { legal, hints, best, dealt, onAct });
  else drawHint($("panel"), hints ? WORLDS : 0);
  drawSheet($("sheet"), { rounds: page.rounds, scores: bySeat("SCORE") });
  drawLog($("log"), page);
}

/** Return the cards on the table with their seats. */
function tableNow() {
  const n = page.kernels.column("IN_TRICK");
  return page.plays.slice(page.plays.length - n).map(({ seat }, i) => ({ seat, card: page.kernels.column("TABLE", i) }));
}

/** Take the action of the seat to act, and show the trick that it completes. */
async function act(action) {
  const { kernels } = page;
  const [seat, won] = [kernels.column("ACTOR"), bySeat("WON")];
  page.actions.push(action);
  page.time += 1;
  if (action >= BID_0) {
    if (kernels.take(action)) throw new Error("a bid has ended a round");
    return draw();
  }
  const before = tableNow();
  page.plays.push({ seat, action });
  const isOver = kernels.take(action);
  say(`${SEATS[seat]}: ${actionText(action)}`);
  if (page.plays.length % SEATS.length) return draw();
  const taker = bySeat("WON").findIndex((tricks, other) => tricks > won[other]);
  page.taken.push(taker);
  const card = action === 74 ? 72 : action + 1;
  page.shown = [...before, { seat, card }].map((each) => ({ ...each, isBest: each.seat === taker }));
  draw();
  say(taker < 0 ? "Nobody takes the trick." : `${SEATS[taker]} take${taker ? "s" : ""} the trick.`);
  await pause(PAUSE.trick);
  page.shown = null;
  if (isOver) page.rounds.push({ bids: bySeat("BIDS"), won: bySeat("WON"), deltas: bySeat("DELTA") });
}

/** Ask for an action of seat 0; its values are computed meanwhile, and kept for the end of the round. */
async function askYou(isStale) {
  const { kernels } = page;
  const legal = kernels.legal();
  page.hints = null;
  const asked = askValues();
  asked.then((hints) => {
    if (isStale() || !page.onAct) return;
    page.hints = hints;
    redrawKeepingFocus();
  }, stop);
  say(kernels.column("PHASE") === BID ? "Your bid." : "Your turn.");
  const taken = await new Promise((resolve) => {
    page.onAct = (action) => legal.includes(action) && resolve(action);
    draw();
  });
  page.onAct = null;
  page.lost.push(asked.then((hints) => ({ taken, best: bestOf(hints), points: hints[bestOf(hints)].points - hints[taken].points })));
  page.hints = null;
  return taken;
}

function redrawKeepingFocus() {
  const { action } = document.activeElement?.dataset ?? {};
  draw();
  if (action) document.querySelector(`[data-action="${action}"]`)?.focus();
}

/** Play a game, unless another is started meanwhile. */
async function playGame() {
  const run = ++page.run;
  const isStale = () => run !== page.run;
  Object.assign(page, { time: 0, hints: null, onAct: null, plays: [], taken: [], rounds: [], lost: [], actions: [], result: null, shown: null });
  const pace = page.pace === 1 ? "" : `&pace=${page.pace}`;
  history.replaceState(null, "", `#seed=${page.seed}${page.others === "network" ? "" : `&others=${page.others}`}${pace}`);
  $("others").value = page.others;
  const { kernels } = page;
  kernels.newGame(page.seed);
  while (!isStale()) {
    while ([BID, PLAY].includes(kernels.column("PHASE"))) {
      draw();
      const isOwn = kernels.column("ACTOR") === 0;
      const action = isOwn ? await askYou(isStale) : kernels.choice(page.others, page.seed, page.time);
      if (isStale()) return;
      await act(action);
      if (!isOwn) await pause(PAUSE.act);
      if (isStale()) return;
    }
    const lost = await Promise.all(page.lost);
    if (isStale()) return;
    const isLast = kernels.column("ROUND") === N_ROUNDS;
    await new Promise((resolve) => {
      page.result = { deltas: bySeat("DELTA"), lost, next: isLast ? "New game" : "Next round", onNext: resolve };
      draw();
      say(isLast ? `The game is over: ${bySeat("SCORE").map((score, seat) => `${SEATS[seat]} ${score}`).join(", ")}.` : `Round ${kernels.column("ROUND")} is over: ${signed(bySeat("DELTA")[0]).replace(".0", "")} points.`);
    });
    if (isStale()) return;
    if (isLast) return startAnother();
    Object.assign(page, { plays: [], taken: [], lost: [], result: null });
    kernels.nextRound();
  }
}

const start = () => playGame().catch(stop);

function startAnother() {
  page.seed = String(Math.floor(Math.random() * 1e6));
  start();
}

function startFromAddress() {
  const link = new URLSearchParams(location.hash.slice(1));
  const seed = link.get("seed") ?? String(Math.floor(Math.random() * 1e6));
  const others = link.get("others") ?? "network";
  if (!/^[0-9]{1,15}$/.test(seed)) return say(`The link's seed=${seed.slice(0, 20)} is not valid: use a whole number of at most 15 digits.`);
  if (!PLAYERS.includes(others)) return say(`The link's others=${others.slice(0, 20)} is not valid: use ${PLAYERS.join(", ")}.`);
  Object.assign(page, { seed, others, pace: link.get("pace") === "0" ? 0 : 1 });
  start();
}

function stop(error) {
  say(`The page has stopped: ${error.message}. Load it again.`);
  throw error;
}

function toggleHints() {
  page.isHinted = !page.isHinted;
  $("hints").setAttribute("aria-pressed", page.isHinted);
  $("hints").firstChild.textContent = page.isHinted ? "Hints on " : "Hints off ";
  if (page.kernels) draw();
}

/** Return the game so far as plain data: for tests. */
const record = () => ({ seed: page.seed, others: page.others, actions: page.actions, rounds: page.rounds, isOver: page.result?.next === "New game" });

$("hints").onclick = toggleHints;
$("new").onclick = startAnother;
$("others").onchange = () => {
  page.others = $("others").value;
  start();
};
addEventListener("hashchange", startFromAddress);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  const key = event.key.toLowerCase();
  if (key === "h") toggleHints();
  else if (key === "n") startAnother();
  else if (/^[0-9]$/.test(key) && page.onAct && page.kernels.column("PHASE") === BID) page.onAct(BID_0 + Number(key));
});

globalThis.skullKing = { record };
try {
  page.kernels = await Kernels.load();
  startFromAddress();
} catch (error) {
  stop(error);
}
