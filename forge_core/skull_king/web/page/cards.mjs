// Cards 1..74 and actions 0..101 of forge_core.skull_king, in words.

export const BID_0 = 75;
export const TIGRESS_AS_PIRATE = 74;
const TIGRESS = 72;
const SUITS = ["Roger", "Parrot", "Map", "Chest"];
const SPECIALS = { 1: "Skull King", 2: "White Whale", 3: "Kraken", 6: "Rosie", 7: "Bendt", 8: "Rascal", 9: "Jade", 10: "Harry", 72: "Tigress" };

/** Return [name, kind] of a card; kind: the suit in lower case, king, mermaid, pirate, beast, escape, tigress or loot. */
export function faceOf(card) {
  if (card >= 11 && card <= 66) {
    const suit = SUITS[Math.floor((card - 11) / 14)];
    return [`${suit} ${((card - 11) % 14) + 1}`, suit.toLowerCase()];
  }
  if (card === 4 || card === 5) return ["Mermaid", "mermaid"];
  if (card >= 67 && card <= 71) return ["Escape", "escape"];
  if (card >= 73) return ["Loot", "loot"];
  const kind = card === 1 ? "king" : card <= 3 ? "beast" : card === TIGRESS ? "tigress" : "pirate";
  return [SPECIALS[card], kind];
}

/** Return the card that an action plays. */
export const cardOf = (action) => (action === TIGRESS_AS_PIRATE ? TIGRESS : action + 1);

/** Return an action in words. */
export function actionText(action) {
  if (action >= BID_0) return `bid ${action - BID_0}`;
  const [name] = faceOf(cardOf(action));
  return cardOf(action) === TIGRESS ? `${name} as ${action === TIGRESS_AS_PIRATE ? "a pirate" : "an escape"}` : name;
}
