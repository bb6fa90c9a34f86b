// The demo phone: shows what a phone shows and asks the demo's server, which
// holds the keys, to do what a phone does.

const $ = (id) => document.getElementById(id);
const panes = ["camera", "request", "result"];

let request = null; // the sign-in that is shown
let skew = 0; // seconds that the server's clock is ahead

async function call(path, { method = "POST", body, type = "application/json" } = {}) {
  const headers = { "X-Requested-By": "latchkey-demo" };
  if (method === "POST") headers["Content-Type"] = type;
  const response = await fetch("/api/" + path, { method, headers, body: method === "POST" ? (body ?? "{}") : undefined });
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) throw new Error("The phone does not answer. Is the demo still running?");
  const answer = await response.json();
  skew = answer.now - Date.now() / 1000;
  if (answer.error) throw new Error(answer.error);
  return answer;
}

function pane(name, focus = true) {
  for (const p of panes) $(p).hidden = p !== name;
  for (const id of ["camera-error", "request-error"]) $(id).hidden = true;
  if (focus) $(name === "request" ? "deny" : name + "-title").focus();
}

function complain(id, error) {
  $(id).textContent = error instanceof TypeError ? "The phone does not answer. Is the demo still running?" : error.message;
  $(id).hidden = false;
}

// claim runs a way of scanning and shows what it found.
async function claim(ask) {
  $("camera-error").hidden = true;
  $("scan").setAttribute("aria-disabled", "true");
  try {
    show(await ask());
  } catch (error) {
    if (error.name !== "NotAllowedError") complain("camera-error", error);
  } finally {
    $("scan").removeAttribute("aria-disabled");
  }
}

function show(view) {
  request = view;
  $("app").textContent = view.app;
  $("host").textContent = view.host;
  $("browser").textContent = `${view.browser} on ${view.os}`;
  $("place").textContent = view.place === "unknown" ? "Place unknown" : `near ${view.place} (from the IP address, may be off)`;
  $("warnings").textContent = (view.warnings ?? []).join(" ");
  $("warnings").hidden = !view.warnings?.length;
  tick();
  pane("request");
}

async function answer(verb) {
  $("request-error").hidden = true;
  try {
    const view = await call(verb);
    result(view.status, view.app);
  } catch (error) {
    complain("request-error", error);
  }
}

function result(status, app) {
  request = null;
  $("icon-yes").style.display = status === "approved" ? "" : "none";
  $("icon-no").style.display = status === "approved" ? "none" : "";
  const told = {
    approved: ["Done", "You can put your phone away. Your browser goes on by itself."],
    denied: ["Denied", `Nobody was signed in to ${app}.`],
    expired: ["This took too long", "Choose \u201cShow a new code\u201d on the other screen and scan again."],
  }[status];
  $("result-title").textContent = told[0];
  $("result-words").textContent = told[1];
  pane("result");
}

// tick keeps the clock, the age of the request and its end.
function tick() {
  $("clock").textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (!request) return;
  const now = Date.now() / 1000 + skew;
  const age = Math.max(0, Math.round(now - request.requested_at));
  $("age").textContent = age < 60 ? `${age} seconds ago` : `${Math.floor(age / 60)} min ${age % 60} s ago`;
  if (now >= request.expires_at) result("expired");
}

// watch shows what the camera sees.
async function watch() {
  if ($("camera").hidden || document.hidden) return;
  try {
    const response = await fetch("/screen.png");
    const old = $("seen").src;
    if (response.ok) $("seen").src = URL.createObjectURL(await response.blob());
    if (old) URL.revokeObjectURL(old);
    if (response.ok && $("seen").hidden) $("camera-error").hidden = true; // there was none to scan
    $("seen").hidden = !response.ok;
    $("unseen").hidden = response.ok;
  } catch {
    $("seen").hidden = true;
    $("unseen").hidden = false;
  }
}

// picture sends a picture to be read, as PNG or JPEG.
const picture = (blob) => claim(() => call("picture", { body: blob, type: blob.type }));

async function shared() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  try {
    const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
    await video.play();
    await new Promise((done) => setTimeout(done, 300)); // the first frames may be empty
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    return await new Promise((done) => canvas.toBlob(done, "image/png"));
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

const pictureIn = (items) => [...(items ?? [])].find((file) => /^image\/(png|jpeg)$/.test(file.type));

$("scan").addEventListener("click", () => claim(() => call("look")));
$("typed-form").addEventListener("submit", (event) => {
  event.preventDefault();
  claim(() => call("text", { body: JSON.stringify({ text: $("typed").value }) }));
});
$("file").addEventListener("change", () => {
  if ($("file").files[0]) picture($("file").files[0]);
  $("file").value = "";
});
$("share").addEventListener("click", () => claim(async () => {
  const blob = await shared();
  return call("picture", { body: blob, type: blob.type });
}));
$("deny").addEventListener("click", () => answer("deny"));
$("approve").addEventListener("click", () => answer("approve"));
$("again").addEventListener("click", () => pane("camera"));
document.addEventListener("paste", (event) => {
  const file = pictureIn(event.clipboardData?.files);
  if (!file || $("camera").hidden) return;
  event.preventDefault();
  picture(file);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = pictureIn(event.dataTransfer?.files);
  if (file && !$("camera").hidden) picture(file);
});

setInterval(tick, 1000);
setInterval(watch, 1000);
tick();
watch();
call("request", { method: "GET" }).then((view) => view.status === "request" && show(view)).catch(() => {});
