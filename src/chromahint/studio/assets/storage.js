// What was worked on stays in this browser, so that a page that was closed opens as it was.

const NAME = "chromahint-studio", MOST = 8; // photos

const open = () => new Promise((done, failed) => {
  const request = indexedDB.open(NAME, 2);
  request.onupgradeneeded = () => {
    for (const earlier of [...request.result.objectStoreNames]) request.result.deleteObjectStore(earlier);
    request.result.createObjectStore("photos", { keyPath: "digest" });
    request.result.createObjectStore("settings");
  };
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});

/** Do something within one transaction; what its last request gives is the answer. */
async function within(store, mode, work) {
  const base = await open();
  try {
    return await new Promise((done, failed) => {
      const transaction = base.transaction(store, mode);
      let last = null;
      work(transaction.objectStore(store), (request) => { last = request; });
      transaction.oncomplete = () => done(last?.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  } finally {
    base.close();
  }
}

// a browser may refuse to keep anything: the studio works all the same
const quietly = async (promise) => {
  try {
    return await promise;
  } catch {
    return undefined;
  }
};

/** Add to what is kept of a photo: {digest, name, source, thumbnail, marks, model, beside, mode}. */
export const keepPhoto = (digest, changes) => quietly(within("photos", "readwrite", (store) => {
  const request = store.get(digest);
  request.onsuccess = () => store.put({ ...request.result, ...changes, digest, when: Date.now() });
}));

export const keptPhoto = (digest) => quietly(within("photos", "readonly", (store, answer) => answer(store.get(digest))));

/** Photos that were worked on, the last one first; very old ones are forgotten. */
export async function keptPhotos() {
  const every = ((await quietly(within("photos", "readonly", (store, answer) => answer(store.getAll())))) ?? []).sort((one, other) => other.when - one.when);
  for (const { digest } of every.slice(MOST)) forgetPhoto(digest);
  return every.slice(0, MOST);
}

export const forgetPhoto = (digest) => quietly(within("photos", "readwrite", (store) => store.delete(digest)));

export const keepSettings = (settings) => quietly(within("settings", "readwrite", (store) => store.put(settings, "settings")));
export const keptSettings = async () => (await quietly(within("settings", "readonly", (store, answer) => answer(store.get("settings"))))) ?? {};
