// The worker of /m and /me. While there is a network it passes everything on;
// without one it shows the page that it carries. `shell` is put before this by
// the server.

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(take()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.method === "GET") event.respondWith(page(event));
  else if (shell.files.some((file) => request.url === location.origin + file)) event.respondWith(file(request));
});

async function fill() {
  const cache = await caches.open(shell.cache);
  await cache.addAll(shell.files);
  await self.skipWaiting(); // no page depends on the worker that it began with
}

async function take() {
  const others = (await caches.keys()).filter((name) => name !== shell.cache);
  await Promise.all(others.map((name) => caches.delete(name)));
  await self.registration.navigationPreload?.enable(); // asks before this script runs
  await self.clients.claim();
}

async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return new Response(shell.page.body, shell.page);
  }
}

async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}
