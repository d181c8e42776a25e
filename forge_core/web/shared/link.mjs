// The part of the address after #, which names a game: #seed=7&pace=0.

export const randomSeed = () => String(Math.floor(Math.random() * 1e6));

/** Return the text itself if it is one of some names. */
export const oneOf = (names) => (text) => (names.includes(text) ? text : undefined);

/**
 * Return a function that reads one setting: read(name, parse, fallback, advice). parse returns undefined for a text
 * that is not valid; the function then throws an Error with the advice.
 */
export function readerOf(hash) {
  const given = new URLSearchParams(hash.slice(1));
  return (name, parse, fallback, advice) => {
    const text = given.get(name);
    if (text === null) return fallback;
    const found = parse(text);
    if (found === undefined) throw new Error(`The link's ${name}=${text.slice(0, 20)} is not valid: use ${advice}.`);
    return found;
  };
}

/** Return the seed of a link, a random one if it names none. read: see readerOf. */
export function seedFrom(read, digits = 15) {
  const isValid = (text) => /^[0-9]+$/.test(text) && text.length <= digits;
  return read("seed", (text) => (isValid(text) ? text : undefined), randomSeed(), `a whole number of at most ${digits} digits`);
}

/** Return the pace of a link: 0 for a game without pauses, else 1. */
export const paceOf = (hash) => (new URLSearchParams(hash.slice(1)).get("pace") === "0" ? 0 : 1);

/** Return a link with these settings, without those that have their default. */
export function linkWith(settings, defaults) {
  const named = Object.entries(settings).filter(([name, value]) => value !== defaults[name]);
  return `#${named.map(([name, value]) => `${name}=${value}`).join("&")}`;
}
