// @ts-check
// The files in what a person drops, including those in folders.

/** @param {File[]} files */
export const visibleFiles = (files) => files.filter(({ name }) => !name.startsWith("."));

/**
 * Return the files that were dropped, by name within each folder.
 * @param {DataTransfer} data
 */
export async function droppedFiles(data) {
  // entries and files are gone once this function waits
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = [...data.files];
  if (!entries.some((entry) => entry?.isDirectory)) return visibleFiles(files);
  const nested = await Promise.all(entries.filter((entry) => entry !== null).map(filesOf));
  return visibleFiles(nested.flat());
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesOf(entry) {
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => {
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
    })];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const entries = [];
  for (;;) { // a reader returns at most 100 at a time
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) break;
    entries.push(...some);
  }
  entries.sort((first, second) => first.name.localeCompare(second.name, undefined, { numeric: true }));
  return (await Promise.all(entries.map(filesOf))).flat();
}
