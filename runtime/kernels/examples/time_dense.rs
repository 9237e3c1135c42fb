use kernels::dense::*; use std::time::Instant;
fn main(){
 for (i,o,act) in [(784,32,Activation::Relu),(32,784,Activation::Sigmoid),(32,784,Activation::None)] {
  let w:Vec<f32>=(0..i*o).map(|k|((k*7919)%1000) as f32/1000.-0.5).collect(); let b=vec![0.1;o];
  let d=Dense::new(&w,&b,act);
  for m in [1,2,4,8,12,16,48,64,256]{
   let x=vec![0.3f32;m*i]; let mut out=vec![0f32;m*o];
   let mut t=vec![]; for _ in 0..2000 { let s=Instant::now(); d.forward(&x,&mut out); t.push(s.elapsed().as_secs_f64()*1e6);} t.sort_by(f64::total_cmp);
   let med=t[1000]; println!("{i}->{o} {act:?} {m}: {med:.2} us, {:.0} GF", 2.*(m*i*o) as f64/med/1e3);
  }}
}
