"""Whole landscapes, from the back to the front."""

from collections.abc import Callable

from services.render.providers.sim.art.lands import bank, dune, isles, jagged, ridge, rolling, wood
from services.render.providers.sim.art.layers import Layer, Stage
from services.render.providers.sim.art.lighthouses import lighthouse
from services.render.providers.sim.art.skies import birds, dark_sky, light, sky
from services.render.providers.sim.art.waters import boat, glitter, lake, sea


def landscape(stage: Stage) -> list[Layer]:
    """One of the landscapes."""
    return stage.dice.choice(LANDSCAPES)(stage)


def hills(stage: Stage) -> list[Layer]:
    """Ridge behind ridge into the haze, the sun low over them."""
    h, dice = stage.height, stage.dice
    sun = (stage.width * dice.uniform(0.25, 0.75), h * dice.uniform(0.26, 0.4))
    layers = [sky(stage, h * 0.75), *dark_sky(stage, h * 0.5)]
    layers += [*light(stage, sun, stage.unit * dice.uniform(16, 30)), *birds(stage, h * 0.2)]
    for step in range(6):
        depth = step / 5
        heights = jagged(dice, 0.47) if step < 3 else rolling(dice, 1.2 + depth)
        layers.append(
            ridge(stage, heights, h * (0.36 + 0.48 * depth), h * (0.2 - 0.06 * depth), depth)
        )
    return layers


def forest(stage: Stage) -> list[Layer]:
    """Pines in fog under a mountain."""
    h, dice = stage.height, stage.dice
    sun = (stage.width * dice.uniform(0.3, 0.7), h * dice.uniform(0.22, 0.34))
    layers = [sky(stage, h * 0.8), *dark_sky(stage, h * 0.45)]
    layers += light(stage, sun, stage.unit * dice.uniform(18, 34))
    layers.append(ridge(stage, jagged(dice, 0.45), h * 0.33, h * 0.22, 0))
    return [*layers, *(wood(stage, depth) for depth in (0.12, 0.38, 0.68, 1.0))]


def coast(stage: Stage) -> list[Layer]:
    """A lighthouse over the sea."""
    w, h, unit, dice = stage.width, stage.height, stage.unit, stage.dice
    horizon, left = h * dice.uniform(0.6, 0.68), dice.random() < 0.5
    x = w * dice.uniform(0.16, 0.26)
    sun_x = w - x + w * dice.uniform(-0.12, 0.08)
    if not left:
        x, sun_x = w - x, w - sun_x
    by_night = stage.palette.night
    sun = (sun_x, h * dice.uniform(0.2, 0.36) if by_night else horizon - unit * dice.uniform(2, 12))
    across = unit * (dice.uniform(12, 18) if by_night else dice.uniform(20, 32))
    return [
        sky(stage, horizon),
        *dark_sky(stage, horizon * 0.8),
        *light(stage, sun, across),
        isles(stage, horizon),
        sea(stage, horizon),
        *glitter(stage, sun_x, horizon, across * 1.5),
        boat(stage, (sun_x + w * dice.uniform(-0.1, 0.1), horizon + unit * 6), unit * 9),
        *lighthouse(stage, x, left=left),
    ]


def peaks(stage: Stage) -> list[Layer]:
    """Mountains over a still lake."""
    w, h, dice = stage.width, stage.height, stage.dice
    shore = h * dice.uniform(0.56, 0.64)
    moon = (w * dice.uniform(0.2, 0.8), h * dice.uniform(0.16, 0.26))
    layers = [sky(stage, shore), *dark_sky(stage, shore)]
    layers += light(stage, moon, stage.unit * dice.uniform(12, 20))
    for share, roughness, depth in ((0.2, 0.5, 0.1), (0.33, 0.5, 0.43), (0.47, 0.45, 0.77)):
        layers.append(ridge(stage, jagged(dice, roughness), h * share, shore - h * share, depth))
    return [*layers, lake(stage, shore), bank(stage, h * 0.86)]


def dunes(stage: Stage) -> list[Layer]:
    """Dunes, half in shade, under a large sun."""
    h, dice = stage.height, stage.dice
    sun = (stage.width * dice.uniform(0.3, 0.7), h * dice.uniform(0.3, 0.42))
    layers = [sky(stage, h * 0.7), *dark_sky(stage, h * 0.5)]
    layers += [*light(stage, sun, stage.unit * dice.uniform(30, 46)), *birds(stage, h * 0.16)]
    for step in range(4):
        layers += dune(stage, h * (0.44 + 0.13 * step), h * 0.26, step / 3)
    return layers


def islands(stage: Stage) -> list[Layer]:
    """A low sun, its path on the sea, islands and a boat."""
    w, h, unit, dice = stage.width, stage.height, stage.unit, stage.dice
    horizon, across = h * dice.uniform(0.54, 0.62), unit * dice.uniform(30, 44)
    sun = (w * dice.uniform(0.36, 0.64), horizon - across * dice.uniform(0.1, 0.4))
    aside = w * dice.choice((-1, 1)) * dice.uniform(0.08, 0.2)
    return [
        sky(stage, horizon),
        *dark_sky(stage, horizon * 0.8),
        *light(stage, sun, across),
        isles(stage, horizon),
        *birds(stage, h * 0.14),
        sea(stage, horizon),
        *glitter(stage, sun[0], horizon, across * 1.4),
        boat(stage, (sun[0] + aside, horizon + unit * 12), unit * 16),
        bank(stage, h * 0.88),
    ]


LANDSCAPES: tuple[Callable[[Stage], list[Layer]], ...] = (
    hills,
    forest,
    coast,
    peaks,
    dunes,
    islands,
)
