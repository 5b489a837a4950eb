/* Comparing what is on the screen with what DCMTK makes of the same file. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";

export interface Picture {
    width: number;
    height: number;
    /** RGBA */
    data: Uint8Array;
}

export interface Box {
    x: number;
    y: number;
    width: number;
    height: number;
}

/** DCMTK's rendering of one frame (from 1); without a window the one that the file asks for. */
export function renderedByDcmtk(file: string, frame = 1, window?: { center: number; width: number }): Picture {
    const target = join(mkdtempSync(join(tmpdir(), "consilium-dcm2pnm-")), "picture.png");
    const grey = window === undefined ? ["+Wi", "1"] : ["+Ww", `${window.center}`, `${window.width}`];
    const colour = /JPEG/.test(execFileSync("dcmdump", ["+P", "0002,0010", file], { encoding: "utf8" }));
    execFileSync("dcmj2pnm", ["+on", "+F", `${frame}`, ...(colour ? [] : grey), file, target]);
    return PNG.sync.read(readFileSync(target));
}

export function readPng(bytes: Buffer): Picture {
    return PNG.sync.read(bytes);
}

/** Mean red, green and blue of every cell of a grid laid over a part of the picture. */
function cells(picture: Picture, box: Box, across: number): number[][] {
    const means: number[][] = [];
    for (let row = 0; row < across; row++) {
        for (let column = 0; column < across; column++) {
            const left = Math.round(box.x + (column * box.width) / across);
            const right = Math.max(left + 1, Math.round(box.x + ((column + 1) * box.width) / across));
            const top = Math.round(box.y + (row * box.height) / across);
            const bottom = Math.max(top + 1, Math.round(box.y + ((row + 1) * box.height) / across));
            const sum = [0, 0, 0];
            for (let y = top; y < bottom; y++) {
                for (let x = left; x < right; x++) {
                    for (let part = 0; part < 3; part++) sum[part]! += picture.data[(y * picture.width + x) * 4 + part]!;
                }
            }
            const count = (right - left) * (bottom - top);
            means.push(sum.map((one) => one / count));
        }
    }
    return means;
}

export interface Difference {
    /** Over all cells, in grey levels of 255. */
    mean: number;
    /** 99 of 100 cells differ by less. */
    p99: number;
}

/**
 * How far a part of the screen is from a reference. Cells at the rim are left out: the sides of the patient are written there.
 * Interpolation moves single pixels, so cells of several pixels are compared.
 */
export function difference(screen: Picture, box: Box, reference: Picture, across = 32, rim = 3): Difference {
    const seen = cells(screen, box, across);
    const wanted = cells(reference, { x: 0, y: 0, width: reference.width, height: reference.height }, across);
    const gaps: number[] = [];
    for (let row = rim; row < across - rim; row++) {
        for (let column = rim; column < across - rim; column++) {
            const at = row * across + column;
            gaps.push(Math.max(...[0, 1, 2].map((part) => Math.abs(seen[at]![part]! - wanted[at]![part]!))));
        }
    }
    gaps.sort((a, b) => a - b);
    return {
        mean: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length,
        p99: gaps[Math.floor(gaps.length * 0.99)]!,
    };
}
