// @ts-check
// Colors with names. Each is a pair of a and b, so it stays the same whatever the lightness of a place.

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
    label: "Skin",
    title: "Skin",
    colors: [
      ["pale skin", 8, 11], ["skin", 15, 18], ["rosy skin", 23, 17], ["olive skin", 9, 24], ["tanned skin", 19, 28],
      ["dark skin", 14, 25], ["lips", 42, 18],
    ],
  },
  {
    label: "Hair",
    title: "Hair and eyes",
    colors: [
      ["blond hair", 4, 32], ["brown hair", 11, 20], ["red hair", 25, 38], ["black hair", 1, 2], ["gray hair", 0, -3],
      ["blue eyes", -5, -18], ["green eyes", -13, 14], ["brown eyes", 15, 30],
    ],
  },
  {
    label: "Cloth",
    title: "Cloth and uniforms",
    colors: [
      ["cream", 1, 11], ["khaki", 2, 24], ["olive drab", -5, 23], ["field gray", -5, 5], ["navy", 5, -24],
      ["denim", 4, -36], ["violet", 30, -36], ["rose", 34, -4], ["wine red", 46, 20], ["scarlet", 60, 42],
      ["orange", 32, 62],
    ],
  },
  {
    label: "Nature",
    title: "Nature",
    colors: [
      ["grass", -24, 38], ["leaves", -34, 32], ["dry grass", -2, 36], ["earth", 11, 24], ["sand", 4, 20],
      ["water", -18, -14], ["sky", -6, -32], ["pale sky", -5, -16], ["sunset", 34, 36],
    ],
  },
  {
    label: "Things",
    title: "Things",
    colors: [
      ["brick", 36, 32], ["roof tiles", 30, 40], ["wood", 14, 30], ["dark wood", 13, 18], ["stone", 1, 7],
      ["steel", -2, -7], ["gold", 10, 62], ["brass", 4, 46], ["copper", 26, 27],
    ],
  },
];

const COMMON_TITLES = [
  "skin", "tanned skin", "lips", "brick", "wood", "sand", "gold", "grass",
  "leaves", "water", "sky", "denim", "violet", "rose", "wine red", "orange",
];
const allColors = NAMED_GROUPS.flatMap(({ colors }) => colors);

/** Those that the side panel shows. */
export const COMMON_COLORS = COMMON_TITLES.flatMap((title) => allColors.filter(([each]) => each === title));
