"""Writes RESULTS.md and results.svg from results.json: `report.py FOLDER`.

What stands in RESULTS.md below the line of KEPT was written by people, and stays.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "newsdesk"
from matplotlib import pyplot

KEPT = "## What each change gained"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def times(rival, own):
    return f"{rival / own:.1f}"


def work_table(results, own, megabytes):
    """Returns wall time, CPU time and memory of each rival, and how many times `own`'s wall time it took."""
    head = ["", "wall s", "CPU s", "MB/s", "memory MB", f"times {own}'s"]
    return table(head, [
        [name, f"{r['wall_s']:.2f}", f"{r['cpu_s']:.2f}", f"{megabytes / r['wall_s']:.1f}", f"{r['memory_mb']:.0f}",
         times(r["wall_s"], results[own]["wall_s"])]
        for name, r in results.items()
    ])


def load_tables(requests):
    for load in requests["loads"]:
        size, connections, streams = load["shape"]
        full, half = load["full"], load["half"]
        echo = full["echo"]["per_second"]
        yield f"### Classify, {size} B, {connections} connections × {streams} streams\n"
        head = ["", "a second", "of echo", "p50 ms", "p99 ms", f"p99 ms at {load['half_rate']:.0f} a second"]
        yield table(head, [
            [name, f"{r['per_second']:.0f}", f"{r['per_second'] / echo:.2f}", f"{r['p50_us'] / 1e3:.2f}",
             f"{r['p99_us'] / 1e3:.2f}", f"{half[name]['p99_us'] / 1e3:.2f}" if name in half else ""]
            for name, r in full.items()
        ])


def stage_table(stages):
    order = ["tokens", "features", "scores", "classify", "passages"]
    sizes = list(stages["classify"])
    cell = lambda stage, size: f"{stages[stage][size] / 1e3:.1f} µs, {int(size) * 1e3 / stages[stage][size]:.0f} MB/s"
    return table(["", *(f"{int(size):,} B" for size in sizes)],
                 [[stage, *(cell(stage, size) for size in sizes)] for stage in order if stage in stages])


def growth_table(growth):
    once = growth["1"]
    return table(["rows", "MB", "wall s", "CPU s", "CPU time a row, of 1 ×", "memory MB"], [
        [f"{factor} ×", f"{r['bytes'] / 1e6:.0f}", f"{r['wall_s']:.2f}", f"{r['cpu_s']:.2f}",
         f"{r['cpu_s'] / int(factor) / once['cpu_s']:.2f}", f"{r['memory_mb']:.0f}"]
        for factor, r in growth.items()
    ])


def quality_table(now, before):
    cell = lambda figures, name: f"{figures[name]:.4f}" if name in figures else ""
    return table(["", "before", "now"], [[name, cell(before, name), cell(now, name)] for name in now])


def sections(results):
    megabytes = results["corpus"]["bytes"] / 1e6
    name = results["corpus"]["name"]
    start = results["start"]
    yield "# Results\n"
    yield ("`benches/side_by_side/run` wrote this file (but its last section) and the plot. All tools ran in turn, and "
           f"figures are medians of {results['rounds']} rounds. Each load goes through 1,024 different documents.\n")
    yield f"{results['date']}, commit {results['commit']}, {results['machine']}.\n"
    yield "![Documents a second, and times of newsdesk's time](results.svg)\n"
    yield "## Serving\n"
    yield from load_tables(results["requests"])
    yield (f"From start to listening {start['listens_s'] * 1e3:.0f} ms, to the first answer (a client's own start "
           f"included) {start['first_answer_s'] * 1e3:.0f} ms. Memory then {start['memory_mb']:.0f} MB, at most "
           f"{results['requests']['memory_mb']:.0f} MB under these loads. The binary has "
           f"{results['binary_bytes'] / 1e6:.1f} MB.\n")
    yield f"## Many documents: {name} from a file, {megabytes:.1f} MB\n"
    yield work_table(results["bulk"], "newsdesk, documents", megabytes)
    yield f"## Training on {name}\n"
    yield work_table(results["training"], "newsdesk", megabytes)
    if results["growth"]:
        yield "With so many times the rows, no two of them equal:\n"
        yield growth_table(results["growth"])
    yield "## In process, one core\n"
    yield stage_table(results["in_process"])
    if results["quality"]:
        yield "## Quality\n"
        yield "`before` is what the last run of this command found.\n"
        yield quality_table(results["quality"], results["quality_before"])


def bars(axes, title, names, values, label):
    axes.barh(names, values, color=["#2f6db5" if name.startswith("newsdesk") else "#b8bec6" for name in names])
    axes.invert_yaxis()
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    for place, value in enumerate(values):
        axes.text(value, place, f" {label(value)}", va="center", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.15)


def plot(results, file):
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 6))
    loads = {tuple(load["shape"]): load["full"] for load in results["requests"]["loads"]}
    for place, shape in ((axes[0][0], (230, 8, 32)), (axes[0][1], (5000, 8, 32))):
        full = loads[shape]
        values = [full[name]["per_second"] for name in full]
        bars(place, f"Classify, {shape[0]} B: documents a second", list(full), values, "{:,.0f}".format)
    for place, work, title in ((axes[1][0], "bulk", "Labelling a file: seconds"), (axes[1][1], "training", "Training: seconds")):
        walls = [result["wall_s"] for result in results[work].values()]
        bars(place, title, list(results[work]), walls, "{:.2f}".format)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


folder = pathlib.Path(sys.argv[1])
measured = json.loads((folder / "results.json").read_text())
plot(measured, folder / "results.svg")
page = folder / "RESULTS.md"
old = page.read_text(encoding="utf-8") if page.exists() else ""
kept = KEPT + old.partition(KEPT)[2] if KEPT in old else KEPT + "\n"
page.write_text("\n".join(sections(measured)) + "\n" + kept, encoding="utf-8")
print(page)
