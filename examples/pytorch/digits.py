"""Images of digits, drawn from a small font, then moved, dimmed and strewn with noise. Nothing is downloaded."""

import torch

SIDE = 10
CLASSES = 10

# Three columns, five rows, read from the top.
FONT = [
    "111101101101111",
    "010110010010111",
    "111001111100111",
    "111001111001111",
    "101101111001001",
    "111100111001111",
    "111100111101111",
    "111001010010010",
    "111101111101111",
    "111101111001111",
]


def draw(count, seed):
    """Images of shape (count, 1, SIDE, SIDE), and which digit each of them shows. The same seed draws the same."""
    chance = torch.Generator().manual_seed(seed)
    glyphs = torch.tensor([[float(dot) for dot in glyph] for glyph in FONT]).view(CLASSES, 5, 3)
    labels = torch.randint(CLASSES, (count,), generator=chance)
    rows = torch.randint(SIDE - 4, (count,), generator=chance).tolist()
    columns = torch.randint(SIDE - 2, (count,), generator=chance).tolist()
    strength = 0.5 + 0.5 * torch.rand(count, 1, 1, generator=chance)
    images = torch.randn(count, SIDE, SIDE, generator=chance) * 0.2
    for image, row, column, glyph in zip(images, rows, columns, glyphs[labels] * strength, strict=True):
        image[row : row + 5, column : column + 3] += glyph
    return images.unsqueeze(1), labels
