#!/usr/bin/env python3
"""Writes a table with dates, numbers around a million, gaps, words and a fault: 3,000 rows, the same every time.

    tests/interop/table.py sensors.csv
"""

import random
import sys
from datetime import datetime, timedelta


def main():
    draw = random.Random(1)
    start = datetime(2026, 1, 31, 12)
    with open(sys.argv[1], "w") as table:
        print("id,time,machine,temp,pressure,mode,on,fault", file=table)
        for row in range(3000):
            machine = draw.choice(["press", "lathe", "mill"])
            temp = 1e6 + {"press": 0, "lathe": 3, "mill": -2}[machine] + draw.gauss(0, 1)
            pressure = "" if draw.random() < 0.1 else f"{0.01 * (temp - 1e6) + draw.gauss(0, 0.01):.5f}"
            mode, on = draw.choice(["a", "b", ""]), draw.choice(["true", "false"])
            print(f"u{row},{start + timedelta(minutes=13 * row)},{machine},{temp:.3f},{pressure},{mode},{on},{int(draw.random() < 0.03)}", file=table)


if __name__ == "__main__":
    main()
