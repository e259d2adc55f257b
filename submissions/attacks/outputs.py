"""Attacks by what a container leaves in /output: strange files, hostile masks, hostile JSON."""

from submissions.attacks.programs import DOCUMENT, VALUE, Attack, writes

FILES = (
    writes("no mask", "write nothing", "", "no_output"),
    writes("two masks", "write two masks", "mask(); mask('b.mha')", "two_outputs"),
    writes(
        "a link as the mask",
        "a symbolic link to /etc/passwd",
        "folder.mkdir(parents=True); os.symlink('/etc/passwd', folder / 'mask.mha')",
        "not_a_regular_file",
    ),
    writes(
        "a link to the input",
        "a symbolic link to the PET itself",
        "folder.mkdir(parents=True)\n"
        "os.symlink(next(pathlib.Path('/input/images/pet').glob('*')), folder / 'mask.mha')",
        "not_a_regular_file",
    ),
    writes(
        "a hard link as the mask",
        "the mask's name as a second name of a file elsewhere",
        "mask('first.txt'); os.link(folder / 'first.txt', folder / 'mask.mha')",
        "not_a_regular_file",
        "",
    ),
    writes(
        "a pipe as the mask",
        "a named pipe",
        "folder.mkdir(parents=True); os.mkfifo(folder / 'mask.mha')",
        "not_a_regular_file",
        "no_output",
    ),
    writes(
        "a device as the mask",
        "a device node",
        "folder.mkdir(parents=True)\n"
        "if not attempt('mknod', lambda: os.mknod(folder / 'mask.mha', 0o20666, os.makedev(1, 5))): sys.exit(1)",
        "exit_code",
    ),
    writes(
        "a socket as the mask",
        "a Unix socket",
        "folder.mkdir(parents=True); socket.socket(socket.AF_UNIX).bind(str(folder / 'mask.mha'))",
        "not_a_regular_file",
        "no_output",
        "exit_code",
    ),
    writes(
        "a folder as the mask",
        "a folder of that name",
        "(folder / 'mask.mha').mkdir(parents=True)",
        "no_output",
    ),
    writes(
        "strange names",
        "names with dots, control characters, and more than a screen of them",
        "folder.mkdir(parents=True)\n"
        "for name in ('..%2f..%2fetc%2fpasswd', 'a\\n\\x1b[31mb', '\\u202e.gnp', 'x' * 255, '..\\\\..\\\\x'):\n"
        "    (folder / name).write_text('x')",
        "no_output",
    ),
)

MASKS = (
    writes(
        "a mask of 10¹² voxels",
        "a header that declares 10 000³ voxels",
        "mask(DimSize='10000 10000 10000')",
        "wrong_grid",
        "too_large",
    ),
    writes(
        "a gzip bomb",
        "4 GB of zeros in 4 MB as mask.nii.gz",
        "folder.mkdir(parents=True)\n"
        "part = gzip.compress(bytes(50_000_000), 9)\n"
        "with open(folder / 'mask.nii.gz', 'wb') as file:\n"
        "    for _ in range(40): file.write(part)",
        "bad_header",
        "wrong_grid",
        "too_large",
        "unknown_format",
    ),
    writes(
        "a bomb in the pixels",
        "pixels that unpack to more than the header declares",
        "mask(packed=zlib.compress(bytes(300_000_000), 9))",
        "bad_header",
        "too_large",
        "truncated",
    ),
    writes("NaN", "voxels that are not a number", "floats(float('nan'))", "wrong_values"),
    writes("infinity", "voxels that are infinite", "floats(float('inf'))", "wrong_values"),
    writes("fractions", "voxels of 0.5", "floats(0.5)", "wrong_values"),
    writes("negative", "voxels of −1", "floats(-1.0)", "wrong_values"),
    writes("255", "voxels of 255", "mask(pixels=b'\\xff' * voxels())", "wrong_values"),
    writes(
        "four dimensions",
        "a mask with a time axis",
        "mask(NDims='4', DimSize='12 10 8 2', ElementSpacing='4 4 5 1', Offset='-20 -18 7 0', TransformMatrix='1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1', CenterOfRotation='0 0 0 0', pixels=bytes(1920))",
        "not_three_dimensional",
        "bad_header",
    ),
    writes(
        "wrong size",
        "a mask of another size",
        "mask(DimSize='6 5 4', pixels=bytes(120))",
        "wrong_grid",
    ),
    writes(
        "wrong spacing", "a mask of another spacing", "mask(ElementSpacing='1 1 1')", "wrong_grid"
    ),
    writes(
        "wrong orientation",
        "a mask whose first axis points the other way",
        "mask(TransformMatrix='-1 0 0 0 1 0 0 0 1')",
        "wrong_grid",
    ),
    writes(
        "another case's grid",
        "a mask as of another case",
        "mask(Offset='100 100 100')",
        "wrong_grid",
    ),
    writes(
        "cut off",
        "a file that ends in the middle",
        "mask()\nwhole = (folder / 'mask.mha').read_bytes(); (folder / 'mask.mha').write_bytes(whole[:-9])",
        "truncated",
        "bad_header",
    ),
    writes(
        "no image at all",
        "random bytes",
        "folder.mkdir(parents=True); (folder / 'mask.mha').write_bytes(os.urandom(5000))",
        "unknown_format",
        "bad_header",
    ),
    writes(
        "pixels elsewhere, absolute",
        "a header whose pixels are /etc/passwd",
        "mask(data='/etc/passwd')",
        "points_elsewhere",
    ),
    writes(
        "pixels elsewhere, relative",
        "a header whose pixels are ../reference.raw",
        "mask(data='../../reference.raw')",
        "points_elsewhere",
    ),
    writes(
        "pixels elsewhere, a list",
        "a header with a list of files",
        "mask(data='LIST')",
        "points_elsewhere",
    ),
    writes(
        "pixels elsewhere, NRRD",
        "an NRRD header with a data file, under the name mask.mha",
        "folder.mkdir(parents=True); (folder / 'mask.mha').write_text('NRRD0004\\ntype: uchar\\ndimension: 3\\nsizes: 12 10 8\\nencoding: raw\\ndata file: /etc/passwd\\n\\n')",
        "points_elsewhere",
        "unknown_format",
        "bad_header",
    ),
    Attack(
        "JSON with NaN",
        "a declared JSON output that holds NaN",
        f"mask(); open('/output/{DOCUMENT}.json', 'w').write('{{\"risk\": NaN}}')",
        ("bad_json",),
        documents=(DOCUMENT,),
    ),
    Attack(
        "JSON that is deep",
        "a declared JSON output of 20 000 brackets",
        f"mask(); open('/output/{DOCUMENT}.json', 'w').write('[' * 20_000 + ']' * 20_000)",
        ("bad_json",),
        documents=(DOCUMENT,),
    ),
    Attack(
        "JSON that is a link",
        "a declared JSON output that links to /etc/passwd",
        f"mask(); os.symlink('/etc/passwd', '/output/{DOCUMENT}.json')",
        ("not_a_regular_file",),
        documents=(DOCUMENT,),
    ),
    Attack(
        "JSON that is large",
        "a declared JSON output of 1 MB",
        f"mask(); open('/output/{DOCUMENT}.json', 'w').write('\"' + 'x' * 10**6 + '\"')",
        ("json_too_large",),
        documents=(DOCUMENT,),
    ),
)


def _map(name: str, tried: str, program: str, *codes: str) -> Attack:
    """Beside a good mask."""
    return Attack(name, tried, f"mask(); {program}", codes, asks_map=True)


def _value(name: str, tried: str, program: str, *codes: str) -> Attack:
    path = f"'/output/{VALUE}.json'"
    return Attack(name, tried, f"mask(); path = {path}; {program}", codes, asks_value=True)


CONFIDENCE = (
    _map("a map of NaN", "probabilities that are no numbers", "floats(float('nan'), folder=maps)",
         "map_not_finite"),
    _map("a map beyond 1", "probabilities of 1.5", "floats(1.5, folder=maps)", "map_out_of_range"),
    _map("two maps", "two maps beside one mask",
         "floats(0.5, folder=maps); floats(0.5, folder=maps, name='b.mha')", "two_maps"),
    _map("a map of 10¹² voxels", "a map whose header declares 10 000³ voxels",
         "mask(folder=maps, DimSize='10000 10000 10000')", "map_wrong_grid", "map_unreadable"),
    _map("a bomb in a map", "a map whose voxels unpack to more than is declared",
         "mask(folder=maps, packed=zlib.compress(bytes(300_000_000), 9))", "map_unreadable"),
    _map("a map whose pixels are elsewhere", "a map's header whose pixels are the reference",
         "mask(folder=maps, data='../../reference.mha')", "map_unreadable"),
    _map("a link as the map", "a symbolic link to the PET in the place of the map",
         "maps.mkdir()\n"
         "os.symlink(next(pathlib.Path('/input/images/pet').glob('*')), maps / 'map.mha')",
         "not_a_regular_file"),
    _map("a map as large as can be", "a map that fills /output",
         "maps.mkdir()\n"
         "with open(maps / 'map.mha', 'wb', buffering=0) as file:\n"
         "    while True: file.write(bytes(1_000_000))",
         "output_too_large"),
    _value("a stated NaN", "NaN in the place of a probability", "open(path, 'w').write('NaN')",
           "bad_json"),
    _value("a stated list", "a thousand numbers in the place of one",
           "open(path, 'w').write(str([0.5] * 1000))", "wrong_confidence"),
    _value("a stated link", "a symbolic link to /etc/passwd in the place of a probability",
           "os.symlink('/etc/passwd', path)", "not_a_regular_file"),
)  # fmt: skip
