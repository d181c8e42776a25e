// Positions and actions of forge_core.liuzhou: a row of four whole numbers taken apart, and words.

export const SIDES = ["black", "white"];
const SIZE = 6;
const N_CELLS = SIZE * SIZE;
const [STEP_FROM, SELECT_FROM, SWEEP] = [N_CELLS, 5 * N_CELLS, 6 * N_CELLS];
const OFFSETS = [-SIZE, SIZE, -1, 1]; // of steps up, down, left, right
const RESULTS = ["", "black has won", "white has won", "drawn"];

const cellsOf = (word) => Array.from({ length: N_CELLS }, (_, cell) => cell).filter((cell) => (word >> BigInt(cell)) & 1n);
export const cellText = (cell) => `${"abcdef"[cell % SIZE]}${Math.floor(cell / SIZE) + 1}`;

/** Return the facts of a row (BigInt64Array [4]). layout: the numbers in the WebAssembly file. */
export function factsOf(row, layout) {
  const meta = Number(row[3]);
  const part = (name) => (meta >> layout[`${name}_SHIFT`]) & layout[`${name}_MASK`];
  return {
    stones: [cellsOf(row[0]), cellsOf(row[1])],
    marked: cellsOf(row[2]),
    phase: meta & layout.PHASE_MASK,
    side: (meta >> layout.PLAYER_SHIFT) & 1,
    pending: part("PENDING"),
    moves: part("COUNT"),
    quiet: part("QUIET"),
    result: RESULTS[part("OUTCOME")],
  };
}

/** Return {from, to} of an action: from is null but for steps; to is null for the sweep. */
export function cellsOfAction(action) {
  if (action < STEP_FROM) return { from: null, to: action };
  if (action >= SWEEP) return { from: null, to: null };
  if (action >= SELECT_FROM) return { from: null, to: action - SELECT_FROM };
  const from = Math.floor((action - STEP_FROM) / 4);
  return { from, to: from + OFFSETS[(action - STEP_FROM) % 4] };
}

/** Return an action as `forge liuzhou` writes it: c3, c3-c4, xc4 or sweep. */
export function actionText(action) {
  const { from, to } = cellsOfAction(action);
  if (to === null) return "sweep";
  if (from !== null) return `${cellText(from)}-${cellText(to)}`;
  return `${action >= SELECT_FROM ? "x" : ""}${cellText(to)}`;
}

/** Return what an action does with the cell that it ends in, in words. */
export function targetText(action) {
  if (action < STEP_FROM) return "free to place a stone";
  return action >= SELECT_FROM ? "can be selected" : "free to move to";
}

/** Return what the side to move does next, in words. legal: its actions. */
export function taskOf({ phase, pending, marked }, legal, layout) {
  const stones = pending === 1 ? "a stone" : `${pending} stones`;
  const words = {
    [layout.PLACE]: "place a stone",
    [layout.MARK]: `mark ${stones} of the other side`,
    [layout.REMOVAL]: marked.length ? "the marked stones leave the board" : "no stone is marked",
    [layout.MOVE]: legal[0] >= SELECT_FROM ? "no step is possible: remove a stone" : "move a stone",
    [layout.CAPTURE]: `capture ${stones}`,
  };
  return words[phase] ?? "remove a stone of the other side";
}
