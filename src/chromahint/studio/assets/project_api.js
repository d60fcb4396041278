// @ts-check
// Requests about the photos that the server keeps.

import { post, request } from "./api.js";

/**
 * @import { PhotoInfo } from "./api.js"
 * @import { Work } from "./work.js"
 *
 * @typedef {"points" | "palette" | "preparation"} Part of the work on a photo
 *
 * @typedef {object} KeptPhoto
 * @property {string} key
 * @property {string} name
 * @property {boolean} added whether it was added on the page, and does not lie in the project folder itself
 * @property {number} revision 0 if there is no work on it
 * @property {string | null} saved
 * @property {boolean} done
 * @property {number} count points and strokes
 * @property {string | null} blake2b
 * @property {Part[]} parts what can be copied to other photos
 *
 * @typedef {Work & { revision: number }} Session
 *
 * @typedef {object} ExportProgress
 * @property {"waiting" | "running" | "finished" | "stopped"} state
 * @property {number} done
 * @property {number} total
 * @property {string[]} failed what is wrong with which photo
 */

const MAX_KEEPALIVE = 20_000; // characters, which take at most three bytes each

/** @param {string} key */
const address = (key) => `/api/project/photos/${key}`;

/** @returns {Promise<{ name: string, photos: KeptPhoto[] }>} */
export const listPhotos = async () => (await request("/api/project")).json();

/**
 * Keep a file.
 * @param {Blob} blob
 * @param {string} name
 * @param {AbortSignal} [signal]
 * @returns {Promise<KeptPhoto>}
 */
export async function keepFile(blob, name, signal) {
  const options = { method: "POST", body: blob, signal };
  return (await request(`/api/project/photos?name=${encodeURIComponent(name)}`, options)).json();
}

/**
 * @param {string} name
 * @returns {Promise<KeptPhoto>}
 */
export const keepSample = async (name) => (await post(`/api/project/samples/${encodeURIComponent(name)}`)).json();

/** @returns {Promise<KeptPhoto>} */
export const keepInitialPhoto = async () => (await post("/api/project/initial-photo")).json();

/**
 * @param {string} key
 * @returns {Promise<PhotoInfo>}
 */
export const openKept = async (key) => (await post(`${address(key)}/open`)).json();

/** @param {string} key */
export const deleteKept = (key) => request(address(key), { method: "DELETE" });

/** @param {string} key */
export const getThumbnail = async (key) => (await request(`${address(key)}/thumbnail`)).blob();

/**
 * @param {string} key
 * @returns {Promise<Session>}
 */
export const getSession = async (key) => (await request(`${address(key)}/session`)).json();

/**
 * Save the work on a photo; fails with the status 412 if somebody else has saved it since it was loaded.
 * @param {string} key
 * @param {Work} work
 * @param {number} revision that the work is based on
 * @returns {Promise<number>} the new revision
 */
export async function putSession(key, work, revision) {
  const headers = { "if-match": `"${revision}"` };
  const body = JSON.stringify(work);
  // so that a page that is being closed can still save; browsers allow this only for short requests
  const keepalive = body.length < MAX_KEEPALIVE;
  const response = await request(`${address(key)}/session`, { method: "PUT", headers, body, keepalive });
  return (await response.json()).revision;
}

/**
 * Keep a copy of a photo with other work.
 * @param {string} key
 * @param {Work} work
 * @returns {Promise<KeptPhoto>}
 */
export const keepCopy = async (key, work) => (await post(`${address(key)}/copy`, JSON.stringify(work))).json();

/**
 * Copy parts of the work on a photo to others.
 * @param {string} key
 * @param {string[]} photos
 * @param {Part[]} parts
 * @returns {Promise<number>} how many were changed
 */
export async function copyTo(key, photos, parts) {
  return (await (await post(`${address(key)}/copy-to`, JSON.stringify({ photos, parts }))).json()).changed;
}

/**
 * @param {string} key
 * @param {boolean} done
 * @returns {Promise<number>} the new revision
 */
export const setDone = async (key, done) => (await (await post(`${address(key)}/done`, String(done))).json()).revision;

/**
 * Start to color photos at full size.
 * @param {string[]} photos
 * @param {"zip" | "folder"} target
 * @returns {Promise<ExportProgress & { id: string }>}
 */
export const startExport = async (photos, target) =>
  (await post("/api/project/exports", JSON.stringify({ photos, target }))).json();

/** @param {string} id */
export const zipUrl = (id) => `/api/project/exports/${id}/zip`;

/**
 * @param {string} id
 * @returns {Promise<ExportProgress>}
 */
export const getExport = async (id) => (await request(`/api/project/exports/${id}`)).json();

/** @param {string} id */
export const stopExport = (id) => request(`/api/project/exports/${id}`, { method: "DELETE" });
