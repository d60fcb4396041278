// @ts-check
// Icons of buttons that scripts create; those of the page itself are in index.html.

const NAMESPACE = "http://www.w3.org/2000/svg";
const PATHS = {
  eye: ["M2.2 10S5 4.8 10 4.8 17.8 10 17.8 10 15 15.2 10 15.2 2.2 10 2.2 10z", "M10 7.7a2.3 2.3 0 1 0 .01 0z"],
  eyeOff: [
    "M3.5 3.5l13 13M8 5.2A8 8 0 0 1 10 5c5 0 7.8 5 7.8 5a13 13 0 0 1-2 2.6",
    "M5 6.6A13 13 0 0 0 2.2 10S5 15.2 10 15.2a8 8 0 0 0 3-.6",
  ],
  remove: ["M4.5 6h11M8 6V4.3h4V6M6 6l.6 10h6.8L14 6M8.6 9v4M11.4 9v4"],
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const svg = document.createElementNS(NAMESPACE, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  for (const each of PATHS[name]) {
    const path = document.createElementNS(NAMESPACE, "path");
    path.setAttribute("d", each);
    svg.append(path);
  }
  return svg;
}
