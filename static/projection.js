// The coronal maximum-intensity projection of the PET, from the front: the patient's right is left.
class Projection {
  constructor(canvas, pet, onVoxel) {
    this.canvas = canvas;
    this.pet = pet;
    [this.wide, this.deep, this.high] = pet.dimsRAS.slice(1, 4);
    [this.across, , this.up] = pet.pixDimsRAS.slice(1, 4);
    this.project();
    canvas.addEventListener("click", (event) => {
      const frame = canvas.getBoundingClientRect();
      const from = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
      const x = this.wide - 1 - from((event.clientX - frame.left) / frame.width, this.wide);
      const z = this.high - 1 - from((event.clientY - frame.top) / frame.height, this.high);
      onVoxel([x, this.hottest[x + this.wide * z], z]);
    });
  }

  project() {
    const { wide, deep, high, pet } = this, [a, b, c] = pet.img2RASstep;
    const first = pet.img2RASstart.reduce((sum, one) => sum + one, 0), values = pet.img;
    this.maximum = new Float32Array(wide * high).fill(-Infinity);
    this.hottest = new Uint16Array(wide * high);
    for (let z = 0; z < high; z++)
      for (let y = 0; y < deep; y++)
        for (let x = 0, n = wide * z, at = first + y * b + z * c; x < wide; x++, n++, at += a)
          if (values[at] > this.maximum[n]) {
            this.maximum[n] = values[at];
            this.hottest[n] = y;
          }
  }

  // top: SUV shown black; voxel: under the crosshair.
  draw(top, voxel) {
    const { canvas, wide, high } = this;
    if (this.drawnTo !== top) this.film = this.developed(top);
    this.drawnTo = top;
    const scale = Math.max(1, 600 / (high * this.up));
    canvas.width = Math.round(wide * this.across * scale);
    canvas.height = Math.round(high * this.up * scale);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.film, 0, 0, canvas.width, canvas.height);
    const x = ((wide - 0.5 - voxel[0]) / wide) * canvas.width;
    const y = ((high - 0.5 - voxel[2]) / high) * canvas.height;
    pen.strokeStyle = "#c2410c";
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, canvas.height);
    pen.moveTo(0, y);
    pen.lineTo(canvas.width, y);
    pen.stroke();
  }

  developed(top) {
    const { wide, high } = this, film = document.createElement("canvas");
    film.width = wide;
    film.height = high;
    const pixels = new ImageData(wide, high);
    for (let z = 0; z < high; z++)
      for (let x = 0; x < wide; x++) {
        const share = Math.min(1, Math.max(0, this.maximum[x + wide * z] / top));
        const grey = Math.round(255 * (1 - share));
        pixels.data.set([grey, grey, grey, 255], 4 * (wide - 1 - x + wide * (high - 1 - z)));
      }
    film.getContext("2d").putImageData(pixels, 0, 0);
    return film;
  }
}
