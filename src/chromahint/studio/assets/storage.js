// @ts-check
// Keeps recent work in this browser, so that the page can be closed and opened again without losing anything.

/**
 * @import { AnnotationSet } from "./annotations.js"
 * @import { Mode } from "./view.js"
 *
 * @typedef {{ blob: Blob, name: string }} FileSource
 * @typedef {{ sample: string }} SampleSource
 * @typedef {{ initialPhoto: string }} CommandLineSource
 * @typedef {FileSource | SampleSource | CommandLineSource} Source where a photo comes from
 *
 * @typedef {object} SavedPhoto
 * @property {string} digest
 * @property {number} savedAt
 * @property {string} [name]
 * @property {Source} [source]
 * @property {Blob} [thumbnail]
 * @property {AnnotationSet} [annotations]
 * @property {string} [model]
 * @property {string} [compareWith]
 * @property {Mode} [mode]
 *
 * @typedef {{ lastPhoto?: string, recentColors?: [number, number][] }} Settings
 */

const DATABASE = "chromahint-studio";
const VERSION = 3; // stores of other versions are deleted
const MAX_PHOTOS = 8;

/** @returns {Promise<IDBDatabase>} */
const openDatabase = () => new Promise((resolve, reject) => {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => {
    for (const name of [...request.result.objectStoreNames]) request.result.deleteObjectStore(name);
    request.result.createObjectStore("photos", { keyPath: "digest" });
    request.result.createObjectStore("settings");
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/**
 * Run requests in one transaction and return the result of the one that `run` returns. A browser may refuse to store
 * anything, for example in a private window: the studio works without.
 * @template T
 * @param {"photos" | "settings"} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T> | void} run
 * @returns {Promise<T | undefined>}
 */
async function transact(name, mode, run) {
  try {
    const database = await openDatabase();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(name, mode);
        const request = run(transaction.objectStore(name));
        transaction.oncomplete = () => resolve(request ? request.result : undefined);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

/**
 * Update what is saved about a photo.
 * @param {string} digest
 * @param {Omit<SavedPhoto, "digest" | "savedAt">} changes
 */
export const savePhoto = (digest, changes) => transact("photos", "readwrite", (store) => {
  const request = store.get(digest);
  request.onsuccess = () => store.put({ ...request.result, ...changes, digest, savedAt: Date.now() });
});

/**
 * @param {string} digest
 * @returns {Promise<SavedPhoto | undefined>}
 */
export const loadPhoto = (digest) => transact("photos", "readonly", (store) => store.get(digest));

/**
 * Return recent photos, the latest first, and delete the ones beyond the limit.
 * @returns {Promise<SavedPhoto[]>}
 */
export async function loadRecentPhotos() {
  /** @type {SavedPhoto[]} */
  const photos = (await transact("photos", "readonly", (store) => store.getAll())) ?? [];
  photos.sort((first, second) => second.savedAt - first.savedAt);
  for (const { digest } of photos.slice(MAX_PHOTOS)) deletePhoto(digest);
  return photos.slice(0, MAX_PHOTOS);
}

/** @param {string} digest */
export const deletePhoto = (digest) => transact("photos", "readwrite", (store) => {
  store.delete(digest);
});

/** @param {Settings} settings */
export const saveSettings = (settings) => transact("settings", "readwrite", (store) => {
  store.put(settings, "settings");
});

/** @returns {Promise<Settings>} */
export async function loadSettings() {
  return (await transact("settings", "readonly", (store) => store.get("settings"))) ?? {};
}
