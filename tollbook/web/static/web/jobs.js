// The bar of a job: moved by the server's events; where there is no stream, the page asks again every few seconds.
(function () {
  "use strict";
  const ASK_AGAIN_MS = 3000;
  let source = null;
  let ticking = 0;
  const part = (id) => document.getElementById(id);

  function words(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    if (seconds < 60) return seconds + " s";
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? minutes + " min " + (seconds % 60) + " s" : Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
  }

  // Seconds are counted here between two events, from what the server said last.
  function count(elapsed) {
    const began = performance.now() - elapsed;
    clearInterval(ticking);
    ticking = setInterval(() => { if (part("job-elapsed")) part("job-elapsed").textContent = words(performance.now() - began); }, 1000);
  }

  function show(news) {
    if (part("job-words").textContent !== news.words) part("job-words").textContent = news.words;
    const bar = part("job-bar");
    if (news.total) bar.value = news.share; else bar.removeAttribute("value");
    part("job-share").textContent = news.total ? news.share + " %" : "";
    part("job-elapsed").textContent = words(news.elapsed_ms);
    count(news.elapsed_ms);
    if (part("job").dataset.state !== news.state) {
      part("job").dataset.state = news.state;
      replace();
    }
  }

  // The whole part anew, as the server draws it: badge, buttons, and at the end the result.
  async function replace() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) { location.reload(); return false; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("job");
    if (!fresh) { location.reload(); return false; }
    part("job").replaceWith(document.importNode(fresh, true));
    if (!fresh.dataset.stream) { clearInterval(ticking); part("job").dataset.ended = ""; }
    return Boolean(fresh.dataset.stream);
  }

  async function ask() {
    let goesOn = true;
    try { goesOn = await replace(); } catch (error) { goesOn = true; }
    if (goesOn) setTimeout(ask, ASK_AGAIN_MS);
  }

  function watch(address) {
    if (!window.EventSource) { setTimeout(ask, ASK_AGAIN_MS); return; }
    source = new EventSource(address);
    source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
    source.addEventListener("end", () => { source.close(); ask(); });
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) setTimeout(ask, ASK_AGAIN_MS); });
    addEventListener("pagehide", () => source.close());
  }

  const job = part("job");
  if (job && job.dataset.stream) {
    count(Number(job.dataset.elapsed));
    watch(job.dataset.stream);
  }
})();
