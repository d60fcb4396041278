// Elements of the page. Texts are always set as text, never as HTML.

export const $ = (id) => document.getElementById(id);

/** Make an element: attributes are set, functions listen, children are nodes or texts. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Press one of several buttons and release the others. */
export function press(group, value) {
  for (const button of group.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === value));
}

const PATIENCE = 500; // milliseconds; what is done by then is shown by its result
let works = 0, slow = 0;
/** Show that something is being worked on until it is done. */
export async function working(work) {
  if (++works === 1) slow = setTimeout(() => document.body.classList.add("waiting"), PATIENCE);
  document.body.classList.add("busy");
  try {
    return await work();
  } finally {
    if (--works === 0) {
      clearTimeout(slow);
      document.body.classList.remove("busy", "waiting");
    }
  }
}

let fading = 0;
/** Say something to people who see and to those who listen. */
export function say(text, wrong = false) {
  const box = $("said");
  box.textContent = text;
  box.classList.toggle("wrong", wrong);
  box.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => box.classList.remove("shown"), wrong ? 9000 : 3500);
}

/** What was said has no meaning any more. */
export const hush = () => $("said").classList.remove("shown");

/** Hand a file to the person. */
export function offer(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
