// Elements of a page, and numbers as text.

/** Return an element. Attributes with a false value are left out; children are elements or text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made[name] = value;
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const signed = (points, digits = 1) => (Object.is(points, NaN) ? "" : `${points > 0 ? "+" : ""}${points.toFixed(digits)}`);
export const percent = (share) => `${Math.round(100 * share)} %`;
