"""Writes a corpus with so many times the rows of another: `grow.py CORPUS FACTOR OUTPUT`.

No two rows are equal: from the second time on, a row is the halves of two texts of its label and source.
"""

import json
import random
import sys

corpus, factor, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
chance = random.Random(1)
with open(corpus, encoding="utf-8") as lines:
    rows = [json.loads(line) for line in lines]
alike = {}
for row in rows:
    alike.setdefault((row["label"], row.get("source")), []).append(row["text"])


def half(text, is_first):
    at = text.find(" ", len(text) // 2)
    return text if at < 0 else text[:at] if is_first else text[at:]


with open(output, "w", encoding="utf-8") as out:
    for time in range(factor):
        for row in rows:
            text = row["text"]
            if 0 < time:
                other = chance.choice(alike[row["label"], row.get("source")])
                text = half(text, True) + half(other, False)
            out.write(json.dumps({**row, "text": text, "id": f"{row.get('id')}-{time}"}, ensure_ascii=False) + "\n")
