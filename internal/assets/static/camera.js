// The camera of this device, as far as it reads codes. It gives back what a
// code says, as text, and does nothing with it.

const pause = 100; // ms between two looks
const longest = 720; // pixels on a side of what is looked at

// Camera shows the picture in a video element. seen is called with the texts of
// the codes in each picture that has some, and stopped with the reason if the
// camera cannot start or goes away: denied, missing, busy or failed.
export class Camera {
  #video;
  #seen;
  #stopped;
  #stream = null;
  #turn = 0; // of starting; what an older one still waits for comes to nothing

  constructor(video, { seen, stopped }) {
    this.#video = video;
    this.#seen = seen;
    this.#stopped = stopped;
  }

  get on() {
    return Boolean(this.#stream);
  }

  // start resolves once the picture is there, or once it is clear that it will
  // not be.
  async start() {
    this.stop();
    const turn = this.#turn;
    try {
      const reading = reader();
      reading.catch(() => {}); // waited for below
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
      });
      if (turn !== this.#turn) return release(stream);
      this.#stream = stream;
      stream.getVideoTracks()[0].addEventListener("ended", () => this.#fail(turn, "busy"));
      this.#video.srcObject = stream;
      await this.#video.play();
      this.#look(turn, await reading).catch(() => this.#fail(turn, "failed"));
    } catch (error) {
      this.#fail(turn, reasons[error.name] ?? "failed");
    }
  }

  stop() {
    this.#turn++;
    release(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
  }

  // hasLight tells whether light works.
  get hasLight() {
    return Boolean(this.#stream?.getVideoTracks()[0].getCapabilities?.().torch);
  }

  async light(on) {
    await this.#stream.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] });
  }

  async #look(turn, read) {
    const picture = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    while (turn === this.#turn) {
      const texts = draw(this.#video, picture) ? await read(picture.canvas) : [];
      if (turn !== this.#turn) return;
      if (texts.length) this.#seen(texts);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  #fail(turn, why) {
    if (turn !== this.#turn) return;
    this.stop();
    this.#stopped(why);
  }
}

// By the name of what getUserMedia throws.
const reasons = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

// draw copies the middle of the picture, which is the part that people see.
function draw(video, context) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  if (!side) return false;
  const { canvas } = context;
  canvas.width = canvas.height = Math.min(side, longest);
  context.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
  return true;
}

// reader gives a function that reads the codes in a canvas: by the browser's own
// detector where it has one that works, else by the one that comes with us,
// which is loaded only then.
async function reader() {
  let detector = (await native()) ?? (await vendored());
  return async (canvas) => {
    const codes = await detector.detect(canvas).catch(async () => {
      detector = await vendored();
      return detector.detect(canvas);
    });
    return codes.map((code) => code.rawValue);
  };
}

async function native() {
  const formats = await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => []);
  return formats?.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : null;
}

async function vendored() {
  const { BarcodeDetector } = await import("./qr/decode.js");
  return new BarcodeDetector({ formats: ["qr_code"] });
}
