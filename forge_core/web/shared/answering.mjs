// The thread that computes: it receives {id, task, ...} and answers {id, done | progress | error}.

/** Answer questions. loaded: a promise of the first argument of all tasks. tasks: by name, (loaded, question, report). */
export function answerWith(loaded, tasks) {
  globalThis.onmessage = async ({ data }) => {
    try {
      const report = (progress) => postMessage({ id: data.id, progress });
      postMessage({ id: data.id, done: await tasks[data.task](await loaded, data, report) });
    } catch (error) {
      postMessage({ id: data.id, error: String(error) });
    }
  };
}
