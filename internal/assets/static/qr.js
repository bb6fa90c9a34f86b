// Draws QR codes and changes them on time.

import { bytesOf } from "./bytes.js";

const quiet = 4; // modules around the code (ISO/IEC 18004)

// FrameClock shows the frame of the moment. Frames come with each poll and
// change every few seconds by themselves, by the server's clock.
export class FrameClock {
  #svg;
  #now;
  #timer = 0;
  #frames = [];
  #shown = null;

  // now returns the server's time in ms.
  constructor(svg, now) {
    this.#svg = svg;
    this.#now = now;
  }

  // set replaces the frames: [{n, valid_from, size, bits}]. None clears the
  // picture.
  set(frames) {
    this.#frames = frames;
    this.#tick();
  }

  #tick() {
    clearTimeout(this.#timer);
    const now = this.#now();
    const started = this.#frames.filter((f) => f.valid_from <= now);
    const frame = started.at(-1) ?? this.#frames[0] ?? null;
    if (frame?.bits !== this.#shown) {
      this.#shown = frame?.bits;
      draw(this.#svg, frame);
    }
    const next = this.#frames.find((f) => f.valid_from > now);
    if (next) this.#timer = setTimeout(() => this.#tick(), next.valid_from - now);
  }
}

// draw puts a frame into svg as one path, a rectangle per run of dark modules.
export function draw(svg, frame) {
  const side = (frame?.size ?? 37) + 2 * quiet;
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.firstElementChild.setAttribute("d", frame ? runs(frame.size, frame.bits) : "");
}

// runs turns modules (base64url, packed most significant bit first, row by
// row, rows not padded) into path data.
function runs(size, bits) {
  const bytes = bytesOf(bits);
  const dark = (x, y) => {
    const i = y * size + x;
    return x < size && (bytes[i >> 3] >> (7 - (i & 7))) & 1;
  };
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!dark(x, y)) continue;
      const from = x;
      while (dark(x, y)) x++;
      path += `M${from + quiet} ${y + quiet}h${x - from}v1h${from - x}z`;
    }
  }
  return path;
}
