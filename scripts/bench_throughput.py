#!/usr/bin/env python3
"""Patches per second of PyTorch eager on what the example `throughput` trains: the other half of that table.

    bench_throughput.py [--device gpu:0] [--patches N] [--threads N]

ResNet-18 on patches of 64 and 128 px: weak views of positives and unlabeled (quarter turns, mirrors, shifts by whole
pixels), strong views of the unlabeled (any turn, scale, contrast, brightness, noise, blur, a square erased), nnPU risk
with sigmoid loss, FixMatch with pseudo-labels of an averaged teacher, one clipped step of AdamW on 16 positives and
48 unlabeled. Patches and noise lie on the device. A patch counts once for each of its views. The first epoch is not
counted; a GPU is then measured for ten seconds, and the share of them is said in which it had work.

PyTorch is not part of Vitrine: without one in this Python the script says so and ends.
"""

import argparse
import copy
import math
import os
import subprocess
import time

from bench_step import resnet18

POSITIVE, UNLABELED = 16, 48
PRIOR, THRESHOLD, WEIGHT, DECAY = 0.3, 0.75, 0.3, 0.995


class Views:
    """Weak and strong views of patches of one size (N×1×S×S)."""

    def __init__(self, torch, size, device):
        self.torch, self.size, self.device = torch, size, device
        self.noise = torch.randn(256 if size <= 96 else 64, 1, size, size, device=device)
        taps = torch.exp(-torch.arange(-2, 3, device=device).float() ** 2 / 2)
        kernel = torch.outer(taps, taps)
        self.blur = (kernel / kernel.sum())[None, None]
        self.place = (torch.arange(size, device=device) + 0.5) / size

    def within(self, count, bound):
        return (self.torch.rand(count, 1, 1, 1, device=self.device) * 2 - 1) * bound

    def warp(self, patches, angle, shift, zoom):
        torch, count = self.torch, len(patches)
        mirror = torch.randint(0, 2, (count,), device=self.device) * 2 - 1
        sin, cos = angle.sin(), angle.cos()
        rows = [cos * mirror / zoom, -sin / zoom, shift[0], sin * mirror / zoom, cos / zoom, shift[1]]
        grid = torch.nn.functional.affine_grid(torch.stack(rows, 1).view(count, 2, 3), patches.shape, align_corners=False)
        return torch.nn.functional.grid_sample(patches, grid, padding_mode="reflection", align_corners=False)

    def weak(self, patches):
        torch, count = self.torch, len(patches)
        angle = torch.randint(0, 4, (count,), device=self.device) * (math.pi / 2)
        shift = torch.randint(-2, 3, (2, count), device=self.device) * (2 / self.size)
        return self.warp(patches, angle, shift, torch.ones(count, device=self.device))

    def strong(self, patches):
        torch, count = self.torch, len(patches)
        angle = torch.rand(count, device=self.device) * math.tau
        shift = (torch.rand(2, count, device=self.device) * 2 - 1) * (6 / self.size)
        x = self.warp(patches, angle, shift, 1 + self.within(count, 0.1).view(count))
        blurred = torch.nn.functional.conv2d(x, self.blur, padding=2)
        x = x + (blurred - x) * self.within(count, 0.5).abs()
        x = x * (1 + self.within(count, 0.3)) + self.within(count, 0.2)
        noise = self.noise[torch.randint(0, len(self.noise), (count,), device=self.device)]
        x = x + noise * self.within(count, 0.5)
        half = self.within(count, 0.25).abs() / 2
        centre = torch.rand(2, count, 1, 1, 1, device=self.device)
        erased = ((self.place.view(1, 1, 1, -1) - centre[0]).abs() < half) & (
            (self.place.view(1, 1, -1, 1) - centre[1]).abs() < half
        )
        return torch.where(erased, x.mean((1, 2, 3), keepdim=True), x)


def epoch(torch, state, patches):
    """Trains on all patches once; returns views and seconds."""
    student, teacher, optimizer, views, device = state
    positive, unlabeled = patches[::4], patches[torch.arange(len(patches), device=device) % 4 != 0]
    taken, started = 0, time.perf_counter()
    for order in torch.randperm(len(unlabeled), device=device).split(UNLABELED):
        some = torch.randint(0, len(positive), (POSITIVE,), device=device)
        weak = views.weak(torch.cat([positive[some], unlabeled[order]]))
        strong = views.strong(unlabeled[order])
        with torch.no_grad():
            p = torch.sigmoid(teacher(weak[POSITIVE:])[:, 0])
        logits = student(torch.cat([weak, strong]))[:, 0]
        known, mixed, changed = logits[:POSITIVE], logits[POSITIVE : len(weak)], logits[len(weak) :]
        as_positive = torch.sigmoid(-known).mean() * PRIOR
        inner = torch.sigmoid(mixed).mean() - torch.sigmoid(known).mean() * PRIOR
        turned = (inner.detach() < 0).float()
        risk = (as_positive + inner) * (1 - turned) - inner * turned
        sure = (torch.maximum(p, 1 - p) >= THRESHOLD).float()
        agree = torch.nn.functional.binary_cross_entropy_with_logits(changed, (p > 0.5).float(), reduction="none")
        loss = risk + WEIGHT * (agree * sure).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimizer.step()
        with torch.no_grad():
            average, current = list(teacher.parameters()), list(student.parameters())
            torch._foreach_lerp_(average, current, 1 - DECAY)
            for a, b in zip(teacher.buffers(), student.buffers()):
                a.copy_(b)
        # Read once a step, as is usual in PyTorch; the program reads several steps at once.
        if not math.isfinite(torch.stack([loss.detach(), norm.detach()]).sum().item()):
            raise SystemExit("bench_throughput: the loss is no finite number")
        taken += len(weak) + len(strong)
    return taken, time.perf_counter() - started


class GpuWatch:
    """Looks at the GPU ten times a second, by nvidia-smi, as the example does."""

    def __init__(self, number):
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=100"]
        try:
            self.program = subprocess.Popen(query + ["--id", number], stdout=subprocess.PIPE, text=True)
        except OSError:
            self.program = None

    def stop(self):
        if self.program is None:
            return "unknown"
        self.program.terminate()
        looks = [float(line) for line in self.program.communicate()[0].split() if line.isdigit()]
        return f"{sum(looks) / len(looks):.0f} %" if looks else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, or a GPU as `vitrine devices` names it: gpu:0")
    parser.add_argument("--patches", type=int, help="default: as the example, 128 on the processor and 8192 on a GPU")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="on the processor")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("skipped: this Python has no PyTorch to compare with")
        return
    on_gpu = options.device != "cpu"
    if on_gpu and not torch.cuda.is_available():
        print("skipped: this PyTorch finds no GPU")
        return
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    device = f"cuda:{options.device.partition(':')[2] or 0}" if on_gpu else "cpu"
    name = torch.cuda.get_device_name(device) if on_gpu else f"cpu, {options.threads} threads"
    # The program computes in f32 throughout; by default PyTorch's convolutions on a GPU do not.
    for precise in [True, False] if on_gpu else [True]:
        torch.backends.cudnn.allow_tf32 = not precise
        kind = "" if precise else ", TF32"
        for size in [64, 128]:
            patches = torch.randn(options.patches or (8192 if on_gpu else 128), 1, size, size, device=device)
            student = resnet18(torch).to(device)
            optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3, weight_decay=1e-4)
            teacher = copy.deepcopy(student).requires_grad_(False)
            state = (student, teacher.eval(), optimizer, Views(torch, size, device), device)
            epoch(torch, state, patches)
            watch = GpuWatch(options.device.partition(":")[2] or "0") if on_gpu else None
            taken, seconds = epoch(torch, state, patches)
            while on_gpu and seconds < 10:
                more, longer = epoch(torch, state, patches)
                taken, seconds = taken + more, seconds + longer
            share = watch.stop() if watch else "–"
            label = f"PyTorch {torch.__version__} eager{kind} ({name})"
            print(f"{label:<44} {size:>5} {taken:>9} {taken / seconds:>10.1f}  {share}")


if __name__ == "__main__":
    main()
