// What is on the desk stays in this browser, so that a page that was closed opens as it was.

const open = () => new Promise((done, failed) => {
  const request = indexedDB.open("chromahint-studio", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("desk");
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});

async function within(mode, work) {
  const base = await open();
  try {
    return await new Promise((done, failed) => {
      const request = work(base.transaction("desk", mode).objectStore("desk"));
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
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

export const keep = (name, value) => quietly(within("readwrite", (desk) => desk.put(value, name)));
export const kept = (name) => quietly(within("readonly", (desk) => desk.get(name)));
