// @ts-check
// Colors with names. Each is a pair of a and b, so it stays the same whatever the lightness of a place.

import { t } from "./translation.js";

/**
 * @typedef {[title: string, a: number, b: number]} Swatch
 *
 * @typedef {object} NamedGroup
 * @property {string} label short, for a tab
 * @property {string} title
 * @property {Swatch[]} colors
 */

/** @type {NamedGroup[]} */
export const NAMED_GROUPS = [
  {
    label: t("Skin"),
    title: t("Skin"),
    colors: [
      [t("pale skin"), 8, 11], [t("skin"), 15, 18], [t("rosy skin"), 23, 17], [t("olive skin"), 9, 24],
      [t("tanned skin"), 19, 28], [t("dark skin"), 14, 25], [t("lips"), 42, 18],
    ],
  },
  {
    label: t("Hair"),
    title: t("Hair and eyes"),
    colors: [
      [t("blond hair"), 4, 32], [t("brown hair"), 11, 20], [t("red hair"), 25, 38], [t("black hair"), 1, 2],
      [t("gray hair"), 0, -3], [t("blue eyes"), -5, -18], [t("green eyes"), -13, 14], [t("brown eyes"), 15, 30],
    ],
  },
  {
    label: t("Cloth"),
    title: t("Cloth and uniforms"),
    colors: [
      [t("cream"), 1, 11], [t("khaki"), 2, 24], [t("olive drab"), -5, 23], [t("field gray"), -5, 5],
      [t("navy"), 5, -24], [t("denim"), 4, -36], [t("violet"), 30, -36], [t("rose"), 34, -4],
      [t("wine red"), 46, 20], [t("scarlet"), 60, 42], [t("orange"), 32, 62],
    ],
  },
  {
    label: t("Nature"),
    title: t("Nature"),
    colors: [
      [t("grass"), -24, 38], [t("leaves"), -34, 32], [t("dry grass"), -2, 36], [t("earth"), 11, 24],
      [t("sand"), 4, 20], [t("water"), -18, -14], [t("sky"), -6, -32], [t("pale sky"), -5, -16],
      [t("sunset"), 34, 36],
    ],
  },
  {
    label: t("Things"),
    title: t("Things"),
    colors: [
      [t("brick"), 36, 32], [t("roof tiles"), 30, 40], [t("wood"), 14, 30], [t("dark wood"), 13, 18],
      [t("stone"), 1, 7], [t("steel"), -2, -7], [t("gold"), 10, 62], [t("brass"), 4, 46], [t("copper"), 26, 27],
    ],
  },
];

/**
 * Return the name of the color that is most like one.
 * @param {{ a: number, b: number }} color
 */
export function nameOfColor({ a, b }) {
  const distances = allColors.map(([, otherA, otherB]) => Math.hypot(a - otherA, b - otherB));
  return allColors[distances.indexOf(Math.min(...distances))][0];
}

const COMMON_TITLES = [
  t("skin"), t("tanned skin"), t("lips"), t("brick"), t("wood"), t("sand"), t("gold"), t("grass"),
  t("leaves"), t("water"), t("sky"), t("denim"), t("violet"), t("rose"), t("wine red"), t("orange"),
];
const allColors = NAMED_GROUPS.flatMap(({ colors }) => colors);

/** Those that the side panel shows. */
export const COMMON_COLORS = COMMON_TITLES.flatMap((title) => allColors.filter(([each]) => each === title));
