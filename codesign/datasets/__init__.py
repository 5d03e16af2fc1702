"""Labelled images: scikit-learn's handwritten digits, CIFAR-10's binary version, folders of pictures, NumPy files."""

from .augmentation import Augmentation
from .dataset import Dataset
from .loading import choose_images, dataset_for, load_dataset
from .stored import Images, StoredImages

__all__ = ["Augmentation", "Dataset", "Images", "StoredImages", "choose_images", "dataset_for", "load_dataset"]
