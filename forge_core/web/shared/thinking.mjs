// The thread that computes (worker.mjs of the page), seen from the page: questions with their answers as promises.

const worker = new Worker(new URL("../worker.mjs", import.meta.url), { type: "module" });
const waiting = new Map();
let asked = 0;

worker.onmessage = ({ data: { id, progress, done, error } }) => {
  const { resolve, reject, report } = waiting.get(id);
  if (progress) return report(progress);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(done);
};

/** Return the answer of a task of worker.mjs. report: called with what is known so far. */
export function ask(task, args, report = () => {}) {
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject, report });
    worker.postMessage({ id: asked, task, ...args });
  });
}
