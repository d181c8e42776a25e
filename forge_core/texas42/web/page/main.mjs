// The page: deals, asks for plays, lets three exact players answer, and shows the hand afterwards.
// Link: #seed=7&decl=sixes names the deal and the trump; &pace=0 plays without pauses.

import { dealFromSeed } from "./deals.mjs";
import { element, drawDeclarations, drawHint, drawLog, drawResult, drawScore, drawTable, ownHand, SEATS } from "./drawing.mjs";
import { DECLARATIONS, Hand, nameOf, Rules } from "./hand.mjs";
import { mix } from "./estimate.mjs";
import { Kernels } from "./kernels.mjs";

const BID = 30;
const OPPONENTS_WORLDS = 50; // as many as `forge eq` uses by default
const TRUMP_WORLDS = 20; // per declaration: a first look, at ten times the cost of one decision
const FORMAT = "forge texas42 hand 1";
const PAUSE = { play: 450, trick: 900 }; // milliseconds

const $ = (id) => document.getElementById(id);
const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
const waiting = new Map();
let asked = 0;
worker.onmessage = ({ data: { id, progress, done, error } }) => {
  const { resolve, reject, report } = waiting.get(id);
  if (progress) return report(progress);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(done);
};

function ask(task, args, report = () => {}) {
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject, report });
    worker.postMessage({ id: asked, task, ...args });
  });
}

const page = { rules: null, version: null, hand: null, seed: null, pace: 1, run: 0, isHinted: true, estimates: [], hint: null, onPlay: null, review: null, trumps: [], onTrump: null };

const say = (text) => ($("status").textContent = text);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, page.pace * milliseconds));

/** Return the key of the draws of one decision, as forge_core.texas42.eq.generate.decide makes it from the key `seed`. */
const keyOf = (step) => String(mix(mix(BigInt(page.seed) & ((1n << 64n) - 1n), step), 0));

function draw() {
  const { hand, review } = page;
  const shown = review ? hand.at(review.step) : hand;
  const hint = page.isHinted && page.onPlay ? page.hint : null;
  const own = review ? null : ownHand(hand, { isOn: Boolean(page.onPlay), hint, onPlay: (domino) => page.onPlay?.(domino) });
  const next = review && !shown.isOver ? hand.plays[review.step] : null;
  drawTable($("table"), { hand: shown, isOpen: Boolean(review), own, next, isPlayed: !page.onTrump });
  if (page.onTrump) {
    drawDeclarations($("panel"), { found: page.trumps, isHinted: page.isHinted, onChoose: page.onTrump });
    $("score").replaceChildren();
    $("log").replaceChildren();
    return;
  }
  drawScore($("score"), shown);
  if (review) drawResult($("panel"), { hand, ...review, onStep: (by) => show(review.step + by), onSave: saveRecord });
  else drawHint($("panel"), hint);
  drawLog($("log"), { hand, costs: review?.costs ?? null, shown: review?.step, onShow: show });
}

/** Show the finished hand as it was after some plays. */
function show(step) {
  const { hand, review } = page;
  if (!review || step < 0 || step > hand.step) return;
  review.step = step;
  draw();
  const [seat, domino] = [hand.players[step], hand.plays[step]];
  say(step < hand.step ? `Play ${step + 1} of ${hand.step}: ${SEATS[seat]}, ${nameOf(domino)}` : "The end of the hand, all hands face up.");
}

/** Deal and play one hand, unless another is started meanwhile. decl: null asks for it. */
async function playHand(seed, decl) {
  const run = ++page.run;
  const isStale = () => run !== page.run;
  Object.assign(page, { seed, estimates: [], hint: null, onPlay: null, review: null, trumps: [], onTrump: null });
  const deal = dealFromSeed(seed);
  page.hand = new Hand(page.rules, deal, decl ?? 9, BID, 0);
  if (decl === null) {
    decl = await chooseTrump(deal, isStale);
    if (isStale()) return;
    page.hand = new Hand(page.rules, deal, decl, BID, 0);
  }
  setLink(seed, decl);
  const { hand } = page;
  while (!hand.isOver) {
    const domino = hand.turn === 0 ? await ownPlay(isStale) : await opponentsPlay();
    if (isStale()) return;
    say(`${SEATS[hand.turn]}: ${nameOf(domino)}`);
    hand.play(domino);
    draw();
    await pause(hand.step % 4 ? PAUSE.play : PAUSE.trick);
    if (isStale()) return;
  }
  await reviewHand(isStale);
}

function chooseTrump(deal, isStale) {
  return new Promise((choose) => {
    page.onTrump = (decl) => {
      page.onTrump = null;
      choose(decl);
    };
    say(`Deal ${page.seed}. Choose the trump.`);
    draw();
    (async () => {
      for (let decl = 0; decl < DECLARATIONS.length; decl++) {
        const view = new Hand(page.rules, deal, decl, BID, 0).view();
        const found = await ask("declare", { view, worlds: TRUMP_WORLDS, key: keyOf(0) });
        if (isStale() || !page.onTrump) return;
        page.trumps[decl] = found;
        if (page.isHinted) redrawKeepingFocus();
      }
    })().catch(report);
  });
}

/** Draw again with the keyboard's focus on the same button. */
function redrawKeepingFocus() {
  const { decl, domino } = document.activeElement?.dataset ?? {};
  draw();
  const selector = decl ? `[data-decl="${decl}"]` : domino ? `[data-domino="${domino}"]` : null;
  if (selector) document.querySelector(selector)?.focus();
}

/** Ask for a play of seat 0. Its estimate is made in any case, since the costs at the end need it. */
async function ownPlay(isStale) {
  const { hand } = page;
  const step = hand.step;
  page.hint = null;
  if (hand.legal.length > 1) {
    const args = { view: hand.view(), worlds: Number($("worlds").value), key: keyOf(step) };
    page.estimates[step] = ask("estimate", args, (found) => {
      if (isStale() || hand.step !== step || !page.onPlay) return;
      page.hint = found;
      if (page.isHinted) redrawKeepingFocus();
    });
  }
  say(hand.legal.length > 1 ? "Your turn." : "Your turn: only one domino may be played.");
  const domino = await new Promise((resolve) => {
    page.onPlay = (chosen) => hand.legal.includes(chosen) && resolve(chosen);
    draw();
  });
  page.onPlay = null;
  page.hint = null;
  return domino;
}

/** Estimate the plays of a position as the other seats do. */
const estimateOf = (hand) => ask("estimate", { view: hand.view(), worlds: OPPONENTS_WORLDS, key: keyOf(hand.step) });

async function opponentsPlay() {
  const { hand } = page;
  draw();
  if (hand.legal.length === 1) return hand.legal[0];
  const found = estimateOf(hand);
  page.estimates[hand.step] = found;
  return hand.deal[hand.turn][(await found).best];
}

/** Turn all hands face up and show what each play cost, by what its seat knew and with all hands seen. */
async function reviewHand(isStale) {
  const { hand } = page;
  say("Comparing every play with the best one ...");
  const positions = hand.plays.map((_, step) => hand.at(step));
  const values = await ask("values", { deal: hand.deal, views: positions.map((position) => position.view()) });
  const estimates = await Promise.all(hand.plays.map((_, step) => page.estimates[step] ?? estimateOf(positions[step])));
  if (isStale()) return;
  const lost = (worth, slot) => Math.max(...worth.filter((value) => !Number.isNaN(value))) - worth[slot];
  const costs = hand.plays.map((domino, step) => {
    const slot = hand.deal[hand.players[step]].indexOf(domino);
    return { known: lost(estimates[step].mean, slot), seen: lost(values[step], slot) };
  });
  const totals = SEATS.map((_, seat) => {
    const own = costs.filter((_, step) => hand.players[step] === seat);
    return { known: own.reduce((sum, cost) => sum + cost.known, 0), seen: own.reduce((sum, cost) => sum + cost.seen, 0) };
  });
  const best = Math.max(...values[0].filter((value) => !Number.isNaN(value)));
  page.review = { step: hand.step, costs, totals, perfect: (42 + best) / 2, values, estimates };
  show(hand.step);
}

/** Return the finished hand as plain data, or null. `forge view` reads it: see forge_core/texas42/web/hands.py. */
function record() {
  const { hand, review, seed } = page;
  if (!review) return null;
  const { deal, decl, bid, bidder, plays, players, points } = hand;
  const plain = (numbers) => numbers.map((value) => (Number.isNaN(value) ? null : value));
  const estimates = review.estimates.map((found) => (
    { ...found, mean: plain(found.mean), spread: plain(found.spread), pMake: plain(found.pMake) }
  ));
  const [values, costs] = [review.values.map(plain), review.costs];
  return { format: FORMAT, page: page.version, opponents: "exact", seed, deal, decl, bid, bidder, plays, players, points, estimates, values, costs };
}

/** Offer the finished hand as a file. */
function saveRecord() {
  const file = new Blob([JSON.stringify(record())], { type: "application/json" });
  const link = element("a", { href: URL.createObjectURL(file), download: `texas42-seed-${page.seed}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function setLink(seed, decl) {
  const pace = page.pace === 1 ? "" : `&pace=${page.pace}`;
  const link = `#seed=${seed}${decl === null ? "" : `&decl=${DECLARATIONS[decl]}`}${pace}`;
  history.replaceState(null, "", link);
}

/** Start the hand that the link names; a link without a seed gets a random one. */
function startFromLink() {
  const link = new URLSearchParams(location.hash.slice(1));
  const name = link.get("decl");
  const decl = name === null ? null : DECLARATIONS.indexOf(name);
  const seed = link.get("seed") ?? String(Math.floor(Math.random() * 1e6));
  page.pace = link.get("pace") === "0" ? 0 : 1;
  if (!/^[0-9]{1,100}$/.test(seed)) return say(`The link's seed=${seed} is not a whole number of at least 0: change it, or take a new deal.`);
  if (decl === -1) return say(`The link's decl=${name} is not a declaration: use ${DECLARATIONS.join(", ")}.`);
  playHand(seed, decl).catch(report);
}

function restart(seed) {
  setLink(seed, null);
  playHand(seed, null).catch(report);
}

function report(error) {
  say(`The page has stopped: ${error.message}. Load it again.`);
  throw error;
}

const newDeal = () => restart(String(Math.floor(Math.random() * 1e6)));

function toggleHints() {
  page.isHinted = !page.isHinted;
  $("hints").setAttribute("aria-pressed", page.isHinted);
  $("hints").firstChild.textContent = page.isHinted ? "Hints on " : "Hints off ";
  if (page.hand) draw();
}

$("hints").onclick = toggleHints;
$("new").onclick = newDeal;
$("again").onclick = () => page.seed !== null && restart(page.seed);
addEventListener("hashchange", startFromLink);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  const key = event.key.toLowerCase();
  if (key === "h") toggleHints();
  else if (key === "n") newDeal();
  else if (/^[1-7]$/.test(key)) page.onPlay?.(page.hand.deal[0][Number(key) - 1]);
  else if (key === "arrowleft" && page.review) show(page.review.step - 1);
  else if (key === "arrowright" && page.review) show(page.review.step + 1);
});

globalThis.texas42 = { record };
try {
  const kernels = await Kernels.load();
  Object.assign(page, { rules: new Rules(kernels.rules()), version: kernels.version });
  startFromLink();
} catch (error) {
  report(error);
}
