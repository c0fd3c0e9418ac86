// Takes a chart apart: rows on and off, a stretch of it, the exact figure at a point. The chart library comes with the first press.
(function () {
  "use strict";
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const FAMILY = "Inter, system-ui, sans-serif";
  let fetched = null;

  // Of two places there is no stretch to choose.
  const hasStretch = (data) => data.places.length > 2;

  function library(address) {
    fetched = fetched || new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => { measure(); done(); };
      script.onerror = () => { fetched = null; script.remove(); failed(new Error("not loaded")); };
      document.head.append(script);
    });
    return fetched;
  }

  // The library measures its tips in the browser's own sans serif; the style sheet draws them in ours.
  function measure() {
    const pen = document.createElement("canvas").getContext("2d");
    window.echarts.setPlatformAPI({ measureText: (text, font) => { pen.font = (font || "12px sans-serif").replace(/\bsans-serif$/, FAMILY); return pen.measureText(text); } });
  }

  function option(data, state, width) {
    const ink = colour("--ink"), quiet = colour("--ink-2"), line = colour("--line"), accent = colour("--accent-ink");
    const words = { color: quiet, fontFamily: FAMILY, fontSize: 11 };
    const rows = data.rows.filter((_, index) => state.shown.has(index));
    const isUsed = (axis) => rows.some((row) => row.axis === axis);
    const format = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
    return {
      animation: false,
      textStyle: words,
      grid: { left: 8, right: isUsed(1) ? 8 : 16, top: 34, bottom: hasStretch(data) ? 52 : 12, containLabel: true },
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, order: "valueDesc",
        backgroundColor: colour("--raised"), borderColor: colour("--line-strong"), textStyle: { ...words, color: ink, fontSize: 12 },
        axisPointer: { type: rows.some((row) => row.kind === "bar") ? "shadow" : "line", lineStyle: { color: quiet }, shadowStyle: { color: accent, opacity: 0.08 } },
      },
      xAxis: { type: "category", data: data.places, axisLine: { lineStyle: { color: colour("--line-strong") } }, axisTick: { show: false }, axisLabel: { ...words, hideOverlap: true } },
      yAxis: data.axes.map((name, axis) => ({
        type: "value", name, show: isUsed(axis), scale: rows.every((row) => row.kind === "line"),
        nameTextStyle: { ...words, align: axis ? "right" : "left" }, axisLabel: { ...words, formatter: (value) => format.format(value) },
        splitLine: { show: axis === 0 || !isUsed(0), lineStyle: { color: line } },
      })),
      // The page goes on scrolling under the pointer; with Ctrl the wheel zooms.
      dataZoom: !hasStretch(data) ? [] : [
        { type: "inside", startValue: state.first, endValue: state.last, zoomOnMouseWheel: "ctrl", moveOnMouseMove: width > 600 },
        { type: "slider", startValue: state.first, endValue: state.last, height: 18, bottom: 8, brushSelect: false, showDetail: false, showDataShadow: false, borderColor: line, fillerColor: colour("--accent-soft"), backgroundColor: "transparent", handleStyle: { color: colour("--surface"), borderColor: accent }, moveHandleStyle: { color: colour("--line-strong") }, emphasis: { handleStyle: { color: accent, borderColor: accent }, moveHandleStyle: { color: accent } } },
      ],
      series: rows.map((row) => ({
        name: row.name, type: row.kind, yAxisIndex: row.axis, data: row.values, barMaxWidth: 28, symbolSize: 6,
        cursor: row.addresses.length ? "pointer" : "default",
        itemStyle: { color: colour("--chart-" + row.style), borderRadius: row.kind === "bar" ? 2 : 0 },
        lineStyle: { color: colour("--chart-" + row.style), width: 2, type: row.dash },
        tooltip: { valueFormatter: (_, place) => row.words[place] || "" },
      })),
    };
  }

  function start(box) {
    const data = JSON.parse(document.getElementById(box.dataset.explore).textContent);
    const button = box.querySelector(".explore-open");
    const panel = box.querySelector(".explore-panel");
    const picture = box.querySelector(".explore-picture");
    const said = box.querySelector(".explore-said");
    const ends = { first: box.querySelector("[data-end=first]"), last: box.querySelector("[data-end=last]") };
    const state = { shown: new Set(), first: 0, last: data.places.length - 1 };
    data.rows.forEach((row, index) => { if (row.is_shown) state.shown.add(index); });
    let chart = null;

    const draw = () => { if (chart) chart.setOption(option(data, state, picture.clientWidth), { notMerge: true }); };

    function say() {
      const rows = data.rows.filter((_, index) => state.shown.has(index)).length;
      said.textContent = rows + " of " + data.rows.length + " rows. " + data.across + ": " + data.places[state.first] + " to " + data.places[state.last] + ".";
      ends.first.value = String(state.first);
      ends.last.value = String(state.last);
    }

    data.rows.forEach((row, index) => {
      const each = document.createElement("button");
      each.type = "button";
      each.className = "explore-row";
      each.dataset.style = String(row.style);
      each.textContent = row.name;
      each.setAttribute("aria-pressed", String(state.shown.has(index)));
      each.addEventListener("click", () => {
        if (!state.shown.delete(index)) state.shown.add(index);
        each.setAttribute("aria-pressed", String(state.shown.has(index)));
        say();
        draw();
      });
      box.querySelector(".explore-rows").append(each);
    });
    if (!hasStretch(data)) Object.values(ends).forEach((select) => { select.closest("label").hidden = true; });
    Object.entries(ends).forEach(([end, select]) => {
      data.places.forEach((place, index) => select.add(new Option(place, String(index))));
      select.addEventListener("change", () => {
        state[end] = Number(select.value);
        if (state.first > state.last) state[end === "first" ? "last" : "first"] = state[end];
        say();
        draw();
      });
    });

    function make() {
      chart = window.echarts.init(picture, null, { renderer: "svg" });
      chart.on("datazoom", () => {
        const zoom = chart.getOption().dataZoom[0];
        state.first = zoom.startValue;
        state.last = zoom.endValue;
        say();
      });
      chart.on("click", (point) => {
        const row = data.rows.find((each) => each.name === point.seriesName);
        if (row && row.addresses[point.dataIndex]) location.href = row.addresses[point.dataIndex];
      });
      new ResizeObserver(() => { if (!panel.hidden) chart.resize(); }).observe(picture);
      new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });
      say();
      draw();
    }

    button.hidden = false;
    button.addEventListener("click", () => {
      const open = panel.hidden;
      panel.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
      said.hidden = !open;
      if (!open || chart) return;
      said.textContent = "Loading.";
      library(box.dataset.library).then(make).catch(() => {
        panel.hidden = true;
        button.setAttribute("aria-expanded", "false");
        said.textContent = "The chart could not be loaded; the same figures stand in the table below. Press Explore to try again.";
      });
    });
  }

  document.querySelectorAll("[data-explore]").forEach(start);
})();
