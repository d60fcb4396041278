// @ts-check
// Requests to the server.

import { readColors, readLightness } from "./compact.js";
import { isLineSlow } from "./line_speed.js";
import { language, t } from "./translation.js";

/**
 * @import { LookSettings } from "./look.js"
 * @import { PaletteColor, Position } from "./annotations.js"
 *
 * @typedef {object} Model
 * @property {string} key
 * @property {string} title
 * @property {"trained" | "baseline"} kind
 * @property {boolean} colors_without_hints whether it colors a photo without any hints
 *
 * @typedef {object} Config
 * @property {Model[]} models
 * @property {string[]} samples names of the sample photos
 * @property {string | null} initial_photo name of the photo on the command line
 * @property {number[]} preview_sizes the largest first
 *
 * @typedef {object} PhotoInfo
 * @property {string} id
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {number} scan_width the size of the scan; positions are in its pixels
 * @property {number} scan_height
 * @property {[number, number, number][]} matrix 2x3, maps the scan to the photo in it
 * @property {PreparationSettings} preparation
 * @property {boolean} has_color
 * @property {string} blake2b hash of the file
 * @property {string} suffix of the file to download
 *
 * @typedef {object} PreparationSettings what is done with a scan before it is colored
 * @property {number} angle degrees
 * @property {[number, number, number, number]} crop left, top, right, and bottom edge, in 0..1
 * @property {boolean} neutral
 * @property {boolean} levels
 * @property {number} noise
 * @property {boolean} scratches
 * @property {{ points: Position[], radius: number }[]} brush
 * @property {number} contrast
 *
 * @typedef {object} HintFileMark
 * @property {string} [color] #rrggbb
 * @property {number} radius
 * @property {number} [strength]
 * @property {boolean} [enabled]
 * @property {Position[]} [area]
 *
 * @typedef {object} HintFile
 * @property {(HintFileMark & { x: number, y: number, keep_grey?: boolean })[]} points
 * @property {(HintFileMark & { points: Position[], erase?: boolean })[]} strokes
 * @property {PaletteColor[]} [palette]
 *
 * @typedef {string} Size a preview size in pixels, or "native" for the size that suits the network
 */

/**
 * What may happen to anybody, by the status of a response. The server says more, but in English.
 * @type {Record<number, string>}
 */
const REASONS = {
  404: t("This is no longer there. It may have been deleted in another window."),
  413: t("This file is too large."),
  503: t("The studio is busy. Try again in a moment."),
  507: t("There is no room left on the disk, or its folder can't be written to."),
};

/** An error response of the server. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {unknown} error
 * @param {number} status
 */
export const hasStatus = (error, status) => error instanceof ApiError && error.status === status;

/**
 * @param {string} url
 * @param {RequestInit} [options]
 */
export async function request(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error(t("The studio isn't responding. Is it still running?"));
  }
  if (response.ok) return response;
  const text = await response.text();
  let message = text.trim() || response.statusText;
  try {
    message = JSON.parse(text).error;
  } catch { /* it was plain text */ }
  throw new ApiError((language !== "en" && REASONS[response.status]) || message, response.status);
}

/**
 * @param {string} url
 * @param {BodyInit} [body]
 */
export const post = (url, body) => request(url, { method: "POST", body });

/** @returns {Promise<Config>} */
export const getConfig = async () => (await request("/api/config")).json();

/**
 * @param {string} name
 * @returns {Promise<PhotoInfo>}
 */
export const openSample = async (name) => (await post(`/api/samples/${encodeURIComponent(name)}`)).json();

/** @returns {Promise<PhotoInfo>} */
export const openInitialPhoto = async () => (await post("/api/initial-photo")).json();

/**
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<PhotoInfo>}
 */
export const openFile = async (blob, name) => (await post(`/api/photos?name=${encodeURIComponent(name)}`, blob)).json();

/**
 * Return the main colors of a picture, the most frequent first.
 * @param {Blob} picture
 * @returns {Promise<PaletteColor[]>}
 */
export const getPalette = async (picture) => (await post("/api/palette", picture)).json();

/**
 * Choose settings that put right what is wrong with a scan.
 * @param {string} id
 * @returns {Promise<PreparationSettings>}
 */
export const getAutomaticPreparation = async (id) => (await request(`/api/photos/${id}/preparation`)).json();

/**
 * Prepare the scan of a photo.
 * @param {string} id of the photo, prepared in whatever way
 * @param {PreparationSettings} settings
 * @returns {Promise<PhotoInfo>}
 */
export const preparePhoto = async (id, settings) => (
  await post(`/api/photos/${id}/preparation`, JSON.stringify(settings))
).json();

/** @param {string} address */
const getBitmap = async (address) => createImageBitmap(await (await request(address)).blob());

/**
 * Return the photo in gray.
 * @param {string} id
 * @param {boolean} isCompact whether it is to be a small file, of no more than a screen shows
 */
export const getGray = (id, isCompact) => getBitmap(`/api/photos/${id}/gray${isCompact ? "?compact=true" : ""}`);

/**
 * Return the photo in its own colors.
 * @param {string} id
 */
export const getOriginal = (id) => getBitmap(`/api/photos/${id}/original`);

/** @returns {Record<string, string>} query parameters */
const compactQuery = () => (isLineSlow() ? { compact: "true" } : {});

/**
 * Suggest colors for a pixel.
 * @param {string} id
 * @param {string} model
 * @param {number} x
 * @param {number} y
 * @param {string} hints
 * @returns {Promise<string[]>} as #rrggbb, the most likely first
 */
export async function getSuggestions(id, model, x, y, hints) {
  return (await post(`/api/photos/${id}/suggestions?model=${model}&x=${x}&y=${y}`, hints)).json();
}

/**
 * @typedef {{ x: number, y: number, color: string }} NextPlace a pixel of the scan, and a suggested color
 *
 * Find places where one more point helps most, the best first; none if the network can't tell.
 * @param {string} id
 * @param {string} model
 * @param {string} hints
 * @returns {Promise<NextPlace[]>}
 */
export async function getNextPlaces(id, model, hints) {
  return (await post(`/api/photos/${id}/next-places?${new URLSearchParams({ model })}`, hints)).json();
}

/**
 * Find parts of the photo that contain a pixel, from small to large.
 * @param {string} id
 * @param {string} model
 * @param {Position} position in pixels of the scan
 * @returns {Promise<Position[][]>} their outlines
 */
export async function getParts(id, model, [x, y]) {
  const query = new URLSearchParams({ model, x: String(Math.round(x)), y: String(Math.round(y)) });
  return (await request(`/api/photos/${id}/parts?${query}`)).json();
}

/**
 * Parse a hint file.
 * @param {string} id
 * @param {string} text
 * @returns {Promise<HintFile>} in the newest format, in pixels
 */
export const parseHints = async (id, text) => (await post(`/api/photos/${id}/hints`, text)).json();

/**
 * Color the photo at its full size.
 * @param {string} id
 * @param {string} model
 * @param {Record<string, string>} form of the file: suffix, content, quality, bits
 * @param {string} hints
 * @param {LookSettings} look
 */
export async function getColoredPhoto(id, model, form, hints, look) {
  const query = new URLSearchParams({ model, ...form, ...lookQuery(look) });
  return (await post(`/api/photos/${id}/download?${query}`, hints)).blob();
}

/**
 * @param {LookSettings} look
 * @returns {Record<string, string>} query parameters
 */
const lookQuery = ({ strength, reach }) => ({ strength: String(strength), reach });

/** @param {Response} response */
const sizeOf = ({ headers }) => ({ height: Number(headers.get("x-height")), width: Number(headers.get("x-width")) });

/** @param {Response} response */
const isCompact = ({ headers }) => headers.get("content-type") === "image/jpeg";

/**
 * Return the lightness that a network sees.
 * @param {string} id
 * @param {string} model
 * @param {Size} size
 */
export async function getNetworkInput(id, model, size) {
  const query = new URLSearchParams({ model, size, ...compactQuery() });
  const response = await request(`/api/photos/${id}/network-input?${query}`);
  const { width, height } = sizeOf(response);
  const lightness = isCompact(response)
    ? await readLightness(await response.blob(), width * height)
    : new Float32Array(await response.arrayBuffer());
  return { width, height, lightness };
}

/**
 * Return a network's colors at the size that it sees.
 * @param {string} id
 * @param {string} model
 * @param {Size} size
 * @param {string} hints
 * @param {LookSettings} look
 */
export async function getColors(id, model, size, hints, look) {
  const query = new URLSearchParams({ model, size, ...lookQuery(look), ...compactQuery() });
  const response = await post(`/api/photos/${id}/colors?${query}`, hints);
  const psnr = response.headers.get("x-psnr");
  const shape = sizeOf(response);
  return {
    ...shape,
    psnr: psnr === null ? null : Number(psnr),
    ab: isCompact(response)
      ? await readColors(await response.blob(), shape)
      : new Int16Array(await response.arrayBuffer()),
  };
}
