// @ts-check
// A cache in this browser: work that the server does not have yet, and what the page looked like.

/**
 * @import { AnnotationSet } from "./annotations.js"
 * @import { Work } from "./work.js"
 *
 * @typedef {{ key: string }} KeptSource
 * @typedef {{ sample: string }} SampleSource
 * @typedef {{ initialPhoto: string }} CommandLineSource
 * @typedef {KeptSource | SampleSource | CommandLineSource} Source where a photo comes from
 *
 * @typedef {object} CachedWork
 * @property {string} digest of the photo
 * @property {string | null} key
 * @property {number} revision that the work is based on
 * @property {Work} work
 *
 * @typedef {object} EarlierWork what earlier versions of the page kept only here
 * @property {string} digest
 * @property {SampleSource | { blob: Blob, name: string }} [source]
 * @property {Partial<AnnotationSet>} [annotations]
 * @property {string} [model]
 *
 * @typedef {{ lastPhoto?: Source, recentColors?: [number, number][] }} Settings
 */

const DATABASE = "chromahint-studio";
const VERSION = 3;

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

/** @param {CachedWork} cached */
export const cacheWork = (cached) => transact("photos", "readwrite", (store) => {
  store.put(cached);
});

/**
 * Return the work on a photo that the server may not have.
 * @param {string} digest
 * @returns {Promise<CachedWork | undefined>}
 */
export async function loadCachedWork(digest) {
  const cached = await transact("photos", "readonly", (store) => store.get(digest));
  return cached?.work ? cached : undefined;
}

/** @returns {Promise<(CachedWork | EarlierWork)[]>} */
export const loadAllWork = async () =>
  (await transact("photos", "readonly", (store) => store.getAll())) ?? [];

/** @param {string} digest */
export const forgetWork = (digest) => transact("photos", "readwrite", (store) => {
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
