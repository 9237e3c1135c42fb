//! The copy of candle: what it records, and that it is the same candle otherwise.

#![allow(clippy::unwrap_used)]

use candle_core::op::{Op, record};
use candle_core::{DType, Device, Result, Tensor, Var};

fn numbers() -> Tensor {
    Tensor::new(&[[0.5f32, -1., 2.], [1.5, 0.25, -0.75]], &Device::Cpu).unwrap()
}

#[test]
fn operators_are_recorded_inside_and_only_there() {
    let x = numbers();
    assert!(x.exp().unwrap().op().is_none());
    let inner = record(|| {
        let inner = record(|| x.exp().unwrap());
        assert!(x.sin().unwrap().op().is_some(), "the outer recording goes on");
        inner
    });
    assert!(matches!(inner.op(), Some(Op::Unary(..))));
    assert!(x.exp().unwrap().op().is_none());
    let panicked = std::panic::catch_unwind(|| record(|| panic!("a model that fails")));
    assert!(panicked.is_err() && x.exp().unwrap().op().is_none());
    // Another thread has a switch of its own.
    let elsewhere = record(|| std::thread::spawn(|| numbers().exp().unwrap().op().is_none()).join().unwrap());
    assert!(elsewhere);
}

#[test]
fn what_has_no_backward_is_recorded_with_all_its_operands() {
    let (x, weight) = (numbers(), Tensor::ones(3, DType::F32, &Device::Cpu).unwrap());
    let arguments = |tensor: &Tensor| match tensor.op() {
        Some(Op::NoBackward(name, args, attributes)) => (*name, args.len(), attributes.clone()),
        _ => ("", 0, vec![]),
    };
    record(|| -> Result<()> {
        let norm = candle_nn::ops::rms_norm(&x, &weight, 1e-5)?;
        assert_eq!(arguments(&norm), ("rms-norm", 2, vec![("eps", f64::from(1e-5f32))]));
        assert_eq!(arguments(&candle_nn::ops::softmax_last_dim(&x)?).0, "softmax-last-dim");
        assert!(matches!(x.gt(&x)?.op(), Some(Op::Cmp(a, b, _)) if a.id() == b.id()));
        assert!(matches!(x.argmax_keepdim(1)?.op(), Some(Op::Reduce(..))));
        assert_eq!(arguments(&x.exp()?.detach()).0, "detach");
        Ok(())
    })
    .unwrap();
}

#[test]
fn gradients_are_the_same_while_recording() {
    let x = Var::from_tensor(&numbers()).unwrap();
    let gradient = || -> Result<Vec<Vec<f32>>> {
        let positive = x.gt(&x.zeros_like()?)?;
        let bent = positive.where_cond(&x.sqr()?, &x.affine(-0.5, 1.)?)?;
        let scaled = bent.broadcast_mul(&x.detach().sum_keepdim(1)?)?;
        let gradients = scaled.sum_all()?.backward()?;
        gradients.get(&x).expect("the loss depends on it").to_vec2()
    };
    assert_eq!(record(gradient).unwrap(), gradient().unwrap());
}
