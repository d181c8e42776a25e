// The user's own network, run by onnxruntime-web, which is loaded only when a network is asked.

import { drawWorlds, Tally } from "./estimate.mjs";

const FOLDER = new URL("network/", import.meta.url);
let loading = null;

async function load() {
  const runtime = await import(new URL("ort.wasm.min.mjs", FOLDER));
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = FOLDER.href;
  const network = await (await fetch(new URL("model.onnx", FOLDER))).arrayBuffer();
  return { runtime, session: await runtime.InferenceSession.create(network) };
}

/** Return the answers [n, 7] for the plays, NaN where illegal. shape: of the tokens. */
async function answers({ runtime, session }, shape, { tokens, mask, legal }) {
  const inputs = {
    tokens: new runtime.Tensor("int8", tokens, shape),
    mask: new runtime.Tensor("bool", mask, shape.slice(0, 2)),
  };
  const { action } = await session.run(inputs);
  return Array.from(action.data, (value, i) => (legal[i] ? value : NaN));
}

/**
 * Return {mean, best, worlds}: what the network expects of every play of a view, and its choice. A Stage-1 network
 * sees all hands, so it is asked in sampled worlds; a Stage-2 network is asked once, and worlds is 0.
 */
export async function askNetwork(kernels, rules, view, nWorlds, key) {
  loading ??= load();
  const loaded = await loading;
  const [tokens] = loaded.session.inputMetadata;
  const isOfOneHand = tokens.shape[1] === 36;
  const worlds = isOfOneHand ? { count: 1, weights: [1], safe: [] } : drawWorlds(kernels, rules, view, nWorlds, key);
  const tally = new Tally(view, worlds);
  if (isOfOneHand) {
    tally.add(await answers(loaded, [1, 36, 12], kernels.encodeTranscript(view)));
  } else {
    const n = worlds.weights.length;
    const { deals, states } = worlds.positions(0, n);
    tally.add(await answers(loaded, [n, 32, 12], kernels.encode(deals, view.decl, states)));
  }
  const { mean, best } = tally.read();
  return { mean, best, worlds: isOfOneHand ? 0 : tally.n };
}
