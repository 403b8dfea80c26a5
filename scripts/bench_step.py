#!/usr/bin/env python3
"""Times one training step in Vitrine and in PyTorch, in turn, and prints the ratio.

    bench_step.py [--threads N] [--rounds N] [--channels-last] [--device gpu:0] [--binary FILE]

One step is forward, loss, backward, clipping to one gradient norm and AdamW, on 64×64 patches: the small
network with 64, ResNet-18 with 16, on the processor or, with --device, on the same GPU (CUDA for PyTorch). Both programs take turns, a few steps each, so that whatever else the
machine does meets both. Shown are medians over the rounds, of wall-clock and of processor time; a ratio
below 1 means that Vitrine is faster.

PyTorch is not part of Vitrine: without one in this Python the script says so and ends. The binary is
built if it is not there: cargo build --release --workspace --example bench_step
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def block(torch, channels_in, channels_out, kernel, stride, relu=True):
    nn = torch.nn
    conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), *([nn.ReLU()] if relu else []))


def small_cnn(torch):
    nn = torch.nn
    first, second, *rest = [
        block(torch, *size) for size in [(1, 24, 5, 2), (24, 48, 3, 1), (48, 96, 3, 1), (96, 128, 3, 1)]
    ]
    smooth = nn.AvgPool2d(3, 2, 1)
    return nn.Sequential(first, smooth, second, smooth, *rest, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1))


def resnet18(torch):
    nn = torch.nn

    class Basic(nn.Module):
        def __init__(self, channels_in, channels_out, stride):
            super().__init__()
            self.first = block(torch, channels_in, channels_out, 3, stride)
            self.second = block(torch, channels_out, channels_out, 3, 1, relu=False)
            same = stride == 1 and channels_in == channels_out
            self.shortcut = nn.Identity() if same else block(torch, channels_in, channels_out, 1, stride, relu=False)

        def forward(self, x):
            return torch.relu(self.second(self.first(x)) + self.shortcut(x))

    layers = [block(torch, 1, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for channels, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        layers += [Basic(width, channels, stride), Basic(channels, channels, 1)]
        width = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1))


class Torch:
    """The same step in PyTorch."""

    def __init__(self, torch, name, batch, channels_last, device):
        torch.manual_seed(1)
        self.torch = torch
        self.device = device
        self.network = (small_cnn(torch) if name == "small_cnn" else resnet18(torch)).to(device)
        self.patches = torch.randn(batch, 1, 64, 64, device=device)
        self.target = (torch.arange(batch, device=device) % 2).float()
        if channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)
            self.patches = self.patches.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, weight_decay=1e-4)

    def run(self, steps):
        torch = self.torch
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(steps):
            self.optimizer.zero_grad()
            logits = self.network(self.patches)[:, 0]
            torch.nn.functional.binary_cross_entropy_with_logits(logits, self.target).backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
        if self.device != "cpu":
            torch.cuda.synchronize(self.device)
        return (time.perf_counter() - wall) / steps, (time.process_time() - processor) / steps


class Vitrine:
    """The example `bench_step`, which waits for orders."""

    def __init__(self, binary, threads, device):
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([str(binary), "--serve", device], stdin=pipe, stdout=pipe, text=True, env=environment)

    def run(self, name, steps):
        self.process.stdin.write(f"{name} {steps}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            sys.exit("bench_step: the example ended; run it by itself to see why")
        return float(answer[0]), float(answer[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of each program")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--channels-last", action="store_true", help="PyTorch's other memory layout")
    parser.add_argument("--device", default="cpu", help="cpu, or a GPU as `vitrine devices` names it: gpu:0")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=Path, default=target / "release/examples/bench_step")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("skipped: this Python has no PyTorch to compare with")
        return
    if not options.binary.exists():
        build = ["cargo", "build", "--release", "--workspace", "--example", "bench_step"]
        subprocess.run(build, cwd=ROOT, check=True)
    on_gpu = options.device != "cpu"
    if on_gpu and not torch.cuda.is_available():
        print("skipped: this PyTorch finds no GPU")
        return
    cuda = f"cuda:{options.device.partition(':')[2] or 0}" if on_gpu else "cpu"
    torch.set_num_threads(options.threads)
    layout = "channels last" if options.channels_last else "default layout"
    print(f"PyTorch {torch.__version__} ({layout}), {options.threads} threads each, medians of {options.rounds} rounds")
    print(f"{'network':<10} {'batch':>5} {'':>10} {'Vitrine':>10} {'PyTorch':>10} {'ratio':>7} {'ratio by round':>18}")
    vitrine = Vitrine(options.binary, options.threads, options.device)
    for name, batch, steps in [("small_cnn", 64, 10), ("resnet18", 16, 4)]:
        other = Torch(torch, name, batch, options.channels_last, cuda)
        vitrine.run(name, 3)
        other.run(3)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(vitrine.run(name, steps))
            theirs.append(other.run(steps))
        for kind, what in enumerate(["wall", "processor"]):
            a = statistics.median(t[kind] for t in ours)
            b = statistics.median(t[kind] for t in theirs)
            ratios = sorted(x[kind] / y[kind] for x, y in zip(ours, theirs) if y[kind] > 0)
            spread = f"{ratios[len(ratios) // 4]:.2f} to {ratios[-1 - len(ratios) // 4]:.2f}"
            print(f"{name:<10} {batch:>5} {what:>10} {a * 1e3:>7.1f} ms {b * 1e3:>7.1f} ms {a / b:>7.2f} {spread:>18}")
    vitrine.close()


if __name__ == "__main__":
    main()
