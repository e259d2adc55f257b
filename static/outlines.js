// Masks as outlines along the edges of their voxels. Voxels are counted to the patient's right,
// front and head (RAS), as the viewer's library does; planes are 0 axial, 1 coronal, 2 sagittal.
const MaskOutline = (() => {
  const ACROSS = [0, 0, 1], UP = [1, 2, 2], ALONG = [2, 1, 0];

  const firstOf = (image) => image.img2RASstart.reduce((sum, one) => sum + one, 0);

  // Of tens of millions of voxels: the inner loop does nothing but look.
  function box(image, size, bits) {
    const low = [Infinity, Infinity, Infinity], high = [-1, -1, -1], values = image.img;
    const [a, b, c] = image.img2RASstep, first = firstOf(image);
    for (let z = 0; z < size[2]; z++)
      for (let y = 0; y < size[1]; y++)
        for (let x = 0, at = first + y * b + z * c; x < size[0]; x++, at += a) {
          if (!(values[at] & bits)) continue;
          if (x < low[0]) low[0] = x;
          if (x > high[0]) high[0] = x;
          if (y < low[1]) low[1] = y;
          if (y > high[1]) high[1] = y;
          if (z < low[2]) low[2] = z;
          high[2] = z;
        }
    return high[0] < 0 ? null : { low, size: high.map((value, axis) => value - low[axis] + 1) };
  }

  return class {
    // image: of the library, a mask; only the part that holds voxels is kept. bits: a voxel counts
    // that has one of them.
    constructor(image, bits = 255) {
      const found = box(image, image.dimsRAS.slice(1, 4), bits);
      this.empty = !found;
      this.paths = new Map();
      if (!found) return;
      Object.assign(this, found);
      const [w, h, d] = this.size, [a, b, c] = image.img2RASstep, [i, j, k] = this.low;
      const first = firstOf(image) + i * a + j * b + k * c;
      this.inside = new Uint8Array(w * h * d);
      for (let z = 0, n = 0; z < d; z++)
        for (let y = 0; y < h; y++)
          for (let x = 0; x < w; x++, n++)
            this.inside[n] = image.img[first + x * a + y * b + z * c] & bits ? 1 : 0;
    }

    has(voxel) {
      const [x, y, z] = voxel.map((value, axis) => value - this.low[axis]);
      const [w, h, d] = this.size;
      if (x < 0 || y < 0 || z < 0 || x >= w || y >= h || z >= d) return false;
      return this.inside[x + w * (y + h * z)] === 1;
    }

    // Closed lines on a slice, each a list of corners [across, up] in voxels from the grid's edge.
    lines(plane, slice) {
      const key = `${plane} ${slice}`;
      if (!this.paths.has(key)) this.paths.set(key, this.empty ? [] : this.follow(plane, slice));
      return this.paths.get(key);
    }

    follow(plane, slice) {
      const u = ACROSS[plane], v = UP[plane], voxel = [0, 0, 0], next = new Map();
      voxel[ALONG[plane]] = slice;
      const set = (a, b) => { voxel[u] = a; voxel[v] = b; return this.has(voxel); };
      // Directed with the mask on the left, so that the edges of a border follow each other.
      const edge = (a, b, c, d) => {
        const from = `${a} ${b}`;
        next.set(from, [...(next.get(from) || []), [c, d]]);
      };
      for (let b = this.low[v]; b < this.low[v] + this.size[v]; b++)
        for (let a = this.low[u]; a < this.low[u] + this.size[u]; a++) {
          if (!set(a, b)) continue;
          if (!set(a, b - 1)) edge(a, b, a + 1, b);
          if (!set(a + 1, b)) edge(a + 1, b, a + 1, b + 1);
          if (!set(a, b + 1)) edge(a + 1, b + 1, a, b + 1);
          if (!set(a - 1, b)) edge(a, b + 1, a, b);
        }
      const lines = [];
      for (const [from, ends] of next)
        while (ends.length) {
          const line = [from.split(" ").map(Number)];
          for (let end = ends.pop(); end; end = (next.get(`${end[0]} ${end[1]}`) || []).pop())
            line.push(end);
          lines.push(line);
        }
      return lines;
    }

    // The voxel nearest to the middle of the largest component (18 neighbours).
    middle() {
      const [w, h, d] = this.size, seen = new Uint8Array(this.inside.length);
      let largest = [];
      for (let start = 0; start < seen.length; start++) {
        if (!this.inside[start] || seen[start]) continue;
        const part = [start];
        seen[start] = 1;
        for (let n = 0; n < part.length; n++) {
          const x = part[n] % w, y = Math.floor(part[n] / w) % h, z = Math.floor(part[n] / w / h);
          for (let k = -1; k <= 1; k++)
            for (let j = -1; j <= 1; j++)
              for (let i = -1; i <= 1; i++) {
                const a = x + i, b = y + j, c = z + k, other = a + w * (b + h * c);
                if (i * j * k || a < 0 || b < 0 || c < 0 || a >= w || b >= h || c >= d) continue;
                if (!this.inside[other] || seen[other]) continue;
                seen[other] = 1;
                part.push(other);
              }
        }
        if (part.length > largest.length) largest = part;
      }
      const voxels = largest.map((n) => [n % w, Math.floor(n / w) % h, Math.floor(n / w / h)]);
      const mean = [0, 1, 2].map((axis) => voxels.reduce((sum, one) => sum + one[axis], 0) / voxels.length);
      const distance = (one) => one.reduce((sum, value, axis) => sum + (value - mean[axis]) ** 2, 0);
      const nearest = voxels.reduce((best, one) => (distance(one) < distance(best) ? one : best));
      return nearest.map((value, axis) => value + this.low[axis]);
    }
  };
})();
